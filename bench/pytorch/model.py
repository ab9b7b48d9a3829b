"""Frostline's networks as a PyTorch user would write them: docs/durotaxis.md on torchvision."""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import get_model

TOKEN_PIXELS, HIDDEN, VALUES, IMAGE_SIDE = 512, 128, 6, 24

FREEZE_MODES = {
    "none": lambda name: True,
    "all": lambda name: False,
    "until_layer3": lambda name: name.startswith("layer4."),
    "layer4.1": lambda name: name.startswith(("layer4.1.", "layer4.2.")),
    "bn_affine": lambda name: "bn" in name or "downsample.1." in name,
}

# Trainable parameters of one body.
BODY_TRAINABLE = {
    "resnet18": {"none": 11_176_512, "all": 0, "until_layer3": 8_393_728, "layer4.1": 4_720_640,
                 "bn_affine": 9_600},
    "resnet34": {"none": 21_284_672, "all": 0, "until_layer3": 13_114_368, "layer4.1": 9_441_280,
                 "bn_affine": 17_024},
    "resnet50": {"none": 23_508_032, "all": 0, "until_layer3": 14_964_736, "layer4.1": 8_925_184,
                 "bn_affine": 53_120},
}
# Outside the bodies, with trunks on 512 features.
OTHERS = {"graph": 700_434, "image": 133_904}


@dataclass(frozen=True)
class Form:
    """How the same network is run."""

    name: str
    channels_last: bool = False
    fold: bool = False  # frozen BatchNorms into their convolutions, conv1 to one channel
    tuned_loop: bool = False  # fused Adam, foreach clipping, inference_mode while collecting
    compile: bool = False


FORMS = {
    form.name: form
    for form in [
        Form("eager"),
        Form("tuned", channels_last=True, tuned_loop=True),
        Form("folded", channels_last=True, fold=True, tuned_loop=True),
        Form("compiled", channels_last=True, fold=True, tuned_loop=True, compile=True),
    ]
}


def fold_frozen(module):
    """Folds each frozen BatchNorm into its frozen convolution, in place."""
    pairs = [("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"), ("0", "1")]
    for parent in list(module.modules()):
        for conv_name, norm_name in pairs:
            conv, norm = getattr(parent, conv_name, None), getattr(parent, norm_name, None)
            if not (isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)):
                continue
            if any(p.requires_grad for p in [*conv.parameters(), *norm.parameters()]):
                continue
            setattr(parent, conv_name, fuse_conv_bn_eval(conv, norm).requires_grad_(False))
            setattr(parent, norm_name, nn.Identity())


class Body(nn.Module):
    """A ResNet without its classifier on [n, 1, side, side], BatchNorm always in inference form.

    Its leading modules that hold nothing trainable run without a graph where nothing below trains.
    """

    def __init__(self, architecture, weights=None):
        super().__init__()
        self.resnet = get_model(architecture)
        self.features = self.resnet.fc.in_features
        self.resnet.fc = nn.Identity()
        if weights is not None:
            missing, _ = self.resnet.load_state_dict(weights, strict=False)
            if any(not name.endswith("num_batches_tracked") for name in missing):
                raise SystemExit(f"the weights lack {missing}")
        self.prefix = self.suffix = None
        self.channels_last, self.channels = False, 3

    def freeze(self, mode):
        for name, parameter in self.resnet.named_parameters():
            parameter.requires_grad_(FREEZE_MODES[mode](name))

    def prepare(self, form, learns_below):
        """Takes the freeze mode as settled and builds what `form` runs."""
        if form.fold:
            fold_frozen(self.resnet)
            if not self.resnet.conv1.weight.requires_grad:
                self.make_one_channel()
        if form.channels_last:
            self.channels_last = True
            self.resnet.to(memory_format=torch.channels_last)
        r = self.resnet
        modules = [nn.Sequential(r.conv1, r.bn1, r.relu, r.maxpool)]
        modules += [block for layer in (r.layer1, r.layer2, r.layer3, r.layer4) for block in layer]
        modules += [nn.Sequential(r.avgpool, nn.Flatten())]
        depth = 0
        if form.tuned_loop and not learns_below:
            while depth < len(modules) and not any(
                p.requires_grad for p in modules[depth].parameters()
            ):
                depth += 1
        self.prefix = half(modules[:depth], form, freezing=True)
        self.suffix = half(modules[depth:], form, freezing=False)

    def make_one_channel(self):
        """An image copied to three channels meets the sum of conv1's input channels."""
        old = self.resnet.conv1
        conv = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=old.bias is not None)
        with torch.no_grad():
            conv.weight.copy_(old.weight.sum(1, keepdim=True))
            if old.bias is not None:
                conv.bias.copy_(old.bias)
        self.resnet.conv1 = conv.requires_grad_(False).to(old.weight.device)
        self.channels = 1

    def forward(self, images):
        x = images.expand(-1, self.channels, -1, -1)
        if self.channels_last:
            x = x.contiguous(memory_format=torch.channels_last)
        if self.prefix:
            with torch.no_grad():
                x = self.prefix(x)
        return self.suffix(x) if self.suffix else x

    def train(self, mode=True):
        return super().train(False)


def half(modules, form, freezing):
    """What runs `modules`, as a plain function: the parameters stay the resnet's."""
    if not modules:
        return None
    run = nn.Sequential(*modules).eval()
    if form.compile:
        run = torch.compile(run, dynamic=False, options={"freezing": freezing})
    return lambda x: run(x)


def linear(inputs, outputs):
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.constant_(layer.bias, 0.01)
    return layer


class Trunk(nn.Sequential):
    def __init__(self, features):
        super().__init__(linear(features, HIDDEN), nn.GELU(), nn.LayerNorm(HIDDEN))


class GraphAttention(nn.Module):
    """Attention over the edges into each token, with edge embeddings in keys and values."""

    def __init__(self, width, heads=4):
        super().__init__()
        self.heads, self.head_width = heads, width // heads
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.skip = nn.Linear(width, width), nn.Linear(width, width)
        self.edge = nn.Linear(width, width, bias=False)

    def forward(self, x, source, target, edges):
        heads = lambda t: t.view(-1, self.heads, self.head_width)
        e = heads(self.edge(edges))
        key = heads(self.key(x)).index_select(0, source) + e
        value = heads(self.value(x)).index_select(0, source) + e
        query = heads(self.query(x)).index_select(0, target)
        score = (query * key).sum(-1) / math.sqrt(self.head_width)
        index = target.unsqueeze(1).expand_as(score)
        top = score.new_full((x.shape[0], self.heads), -math.inf)
        top = top.scatter_reduce(0, index, score.detach(), "amax")
        weight = (score - top.index_select(0, target)).exp()
        total = weight.new_zeros(top.shape).index_add(0, target, weight) + 1e-16
        weight = weight / total.index_select(0, target)
        out = torch.zeros_like(heads(x)).index_add(0, target, weight.unsqueeze(-1) * value)
        return out.flatten(1) + self.skip(x)


def feature_mlp(inputs):
    return nn.Sequential(
        linear(inputs, HIDDEN), nn.GELU(), nn.LayerNorm(HIDDEN), linear(HIDDEN, HIDDEN)
    )


class Encoder(nn.Module):
    """Graph transformer: one token per graph in front, then the nodes; [graphs + nodes, 128]."""

    def __init__(self, layers=4, groups=16):
        super().__init__()
        self.graph_mlp, self.edge_mlp = feature_mlp(19), feature_mlp(3)
        self.node_projection = linear(11, HIDDEN)
        self.layers = nn.ModuleList(GraphAttention(HIDDEN) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(HIDDEN) for _ in range(layers))
        self.groups = groups

    def forward(self, batch):
        x = torch.cat([self.graph_mlp(batch.graph_features),
                       self.node_projection(batch.node_features)])
        edges = self.edge_mlp(batch.edge_features)
        for i, (layer, norm) in enumerate(zip(self.layers, self.norms)):
            x = norm(layer(x, batch.source, batch.target, edges) + x)
            if i + 1 < len(self.layers):
                x = nn.functional.gelu(x)
        return x.view(len(x), self.groups, -1).softmax(-1).flatten(1)


class GraphNet(nn.Module):
    """Shared encoder, actor per cell, critic per colony."""

    observation = "graph"

    def __init__(self, architecture, weights=None):
        super().__init__()
        self.encoder = Encoder()
        self.actor_projection = linear(2 * HIDDEN, TOKEN_PIXELS)
        self.critic_projection = linear(HIDDEN, TOKEN_PIXELS)
        self.actor_body, self.critic_body = (Body(architecture, weights) for _ in range(2))
        self.actor_trunk, self.critic_trunk = (Trunk(self.actor_body.features) for _ in range(2))
        self.discrete = linear(HIDDEN, 2)
        self.spawn_bias = nn.Parameter(torch.tensor([0.2, 0.0]))
        self.mu, self.logstd = linear(HIDDEN, 4), linear(HIDDEN, 4)  # of stage 2
        self.value_heads = linear(HIDDEN, VALUES)

    def forward(self, batch):
        """Logits [cells, 2] and values [graphs, 6]."""
        graphs, nodes = self.encoder(batch).split([batch.graphs, len(batch.node_features)])
        cells = torch.cat([nodes, graphs.index_select(0, batch.graph_of_node)], 1)
        cells = self.actor_trunk(self.actor_body(as_images(self.actor_projection(cells))))
        return self.discrete(cells) + self.spawn_bias, self.critic(graphs)

    def values(self, batch):
        return self.critic(self.encoder(batch)[: batch.graphs])

    def critic(self, graphs):
        images = as_images(self.critic_projection(graphs))
        return self.value_heads(self.critic_trunk(self.critic_body(images)))


def as_images(features):
    """[n, 512] -> [n, 1, 24, 24], zeros at the end."""
    pad = IMAGE_SIDE * IMAGE_SIDE - TOKEN_PIXELS
    return nn.functional.pad(features, (0, pad)).view(-1, 1, IMAGE_SIDE, IMAGE_SIDE)


class ImageNet(nn.Module):
    """Actor and critic on rendered colonies, each with its own body."""

    observation = "image"

    def __init__(self, architecture, weights=None):
        super().__init__()
        self.actor_body, self.critic_body = (Body(architecture, weights) for _ in range(2))
        self.actor_trunk, self.critic_trunk = (Trunk(self.actor_body.features) for _ in range(2))
        self.mu, self.logstd = linear(HIDDEN, 5), linear(HIDDEN, 5)
        self.value_heads = linear(HIDDEN, VALUES)

    def forward(self, images):
        """Mean and log deviation [n, 1] of the delete ratio (stage 1), values [n, 6]."""
        x = normalise(images)
        state = self.actor_trunk(self.actor_body(x))
        return torch.cat([self.mu(state)[:, :1], self.logstd(state)[:, :1]], 1), self.critic(x)

    def values(self, images):
        return self.critic(normalise(images))

    def critic(self, x):
        return self.value_heads(self.critic_trunk(self.critic_body(x)))


def normalise(images):
    """uint8 [n, side, side] -> float [n, 1, side, side]."""
    return ((images.float() / 255 - 0.449) / 0.226).unsqueeze(1)


def build(observation, mode, form, device, weights=None, architecture="resnet18"):
    """The network, its bodies frozen by `mode` and prepared for `form`; (network, trainable)."""
    network = (GraphNet if observation == "graph" else ImageNet)(architecture, weights).to(device)
    network.train()
    bodies = (network.actor_body, network.critic_body)
    for body in bodies:
        body.freeze(mode)
    total = sum(p.numel() for p in network.parameters())
    trainable = sum(p.numel() for p in network.parameters() if p.requires_grad)
    rest = OTHERS[observation] + 2 * (bodies[0].features - 512) * HIDDEN
    expected = tuple(rest + 2 * BODY_TRAINABLE[architecture][m] for m in ("none", mode))
    if (total, trainable) != expected:
        raise SystemExit(f"{observation} {mode}: parameters {total, trainable}, not {expected}")
    for body in bodies:
        body.prepare(form, learns_below=observation == "graph")
    return network, trainable


def parameter_groups(network, factor):
    """`backbone`, `heads`, `encoder` with Frostline's default rates times the schedule's factor."""
    groups = {"backbone": [], "heads": [], "encoder": []}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            kind = "backbone" if "_body." in name else name.split(".")[0]
            groups[kind if kind in groups else "heads"].append(parameter)
    rates = {"backbone": 1e-4, "heads": 3e-4, "encoder": 3e-4}
    return [{"params": p, "lr": rates[k] * factor} for k, p in groups.items() if p]

"""Frostline's networks as a PyTorch user would write them: docs/networks.md on torchvision."""

import math

import torch
from torch import nn

from body import BODY_TRAINABLE, Body

TOKEN_PIXELS, HIDDEN, IMAGE_SIDE = 512, 128, 24
# Mean and deviation of a picture's channels: ImageNet's, and of one channel their averages.
NORMALISATION = {1: ((0.449,), (0.226,)),
                 3: ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))}


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
        self.value_heads = linear(HIDDEN, 6)

    def forward(self, batch):
        """Logits [cells, 2] of the choices, and values [graphs, 6]."""
        graphs, nodes = self.encoder(batch).split([batch.graphs, len(batch.node_features)])
        cells = torch.cat([nodes, graphs.index_select(0, batch.graph_of_node)], 1)
        cells = self.actor_trunk(self.actor_body(as_images(self.actor_projection(cells))))
        return {"discrete": self.discrete(cells) + self.spawn_bias}, self.critic(graphs)

    def values(self, batch):
        return self.critic(self.encoder(batch)[: batch.graphs])

    def critic(self, graphs):
        images = as_images(self.critic_projection(graphs))
        return self.value_heads(self.critic_trunk(self.critic_body(images)))


def as_images(features):
    """[n, 512] -> [n, 1, 24, 24], zeros at the end."""
    pad = IMAGE_SIDE * IMAGE_SIDE - TOKEN_PIXELS
    return nn.functional.pad(features, (0, pad)).view(-1, 1, IMAGE_SIDE, IMAGE_SIDE)


class PictureNet(nn.Module):
    """Actor and critic on pictures, each with its own body, which sees one frame at a time."""

    observation = "image"

    def __init__(self, shape, architecture, weights=None):
        super().__init__()
        self.shape = shape
        self.actor_body, self.critic_body = (Body(architecture, weights, shape.channels)
                                             for _ in range(2))
        width = shape.frames * self.actor_body.features + shape.values
        self.actor_trunk, self.critic_trunk = (Trunk(width) for _ in range(2))
        if shape.choices:
            self.discrete = linear(HIDDEN, shape.rows * shape.choices)
        if shape.heads:
            self.mu, self.logstd = (linear(HIDDEN, shape.rows * shape.heads) for _ in range(2))
        self.value_heads = linear(HIDDEN, shape.components)
        for name, numbers in zip(("mean", "deviation"), NORMALISATION[shape.channels]):
            self.register_buffer(name, torch.tensor(numbers).view(-1, 1, 1), persistent=False)

    def forward(self, batch):
        """Logits [n, rows, choices], means and log deviations [n, rows, 2 * dims] of raw samples,
        as far as the action has such parts; values [n, components]."""
        x, shape, outputs = self.pictures(batch), self.shape, {}
        state = self.actor_trunk(self.features(self.actor_body, x, batch))
        by_row = lambda t: t.view(len(state), shape.rows, -1)
        if shape.choices:
            outputs["discrete"] = by_row(self.discrete(state))
        if shape.dims:
            heads = (by_row(head(state))[..., :shape.dims] for head in (self.mu, self.logstd))
            outputs["continuous"] = torch.cat(list(heads), -1)
        return outputs, self.critic(x, batch)

    def values(self, batch):
        return self.critic(self.pictures(batch), batch)

    def critic(self, x, batch):
        return self.value_heads(self.critic_trunk(self.features(self.critic_body, x, batch)))

    def pictures(self, batch):
        """All frames as the bodies see them, or None where their features are kept."""
        return None if batch.pictures is None else self.normalise(batch.pictures.flatten(0, 1))

    def features(self, body, x, batch):
        """What a trunk reads: the features of all frames side by side, and the values."""
        each = batch.kept if x is None else body(x)
        rows = each.reshape(-1, self.shape.frames * body.features)
        return rows if batch.values is None else torch.cat([rows, batch.values], 1)

    def encode(self, pictures):
        """Features of single pictures [n, h, w, c], for both sides: frozen bodies are alike."""
        return self.actor_body(self.normalise(pictures))

    def normalise(self, pictures):
        """uint8 [n, h, w, c] -> float [n, c, h, w]."""
        return (pictures.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.deviation


def others(network):
    """Parameters outside the bodies."""
    features = network.actor_body.features
    if network.observation == "graph":
        return 700_434 + 2 * (features - 512) * HIDDEN
    s = network.shape
    trunk = (s.frames * features + s.values + 3) * HIDDEN
    return 2 * trunk + (s.rows * (s.choices + 2 * s.heads) + s.components) * (HIDDEN + 1)


def build(workload, observation, mode, form, weights=None, architecture="resnet18"):
    """The network, its bodies frozen by `mode` and prepared for `form`; (network, trainable)."""
    network = (GraphNet(architecture, weights) if observation == "graph" else
               PictureNet(workload.shape, architecture, weights)).to(workload.device)
    network.train()
    bodies = (network.actor_body, network.critic_body)
    for body in bodies:
        body.freeze(mode)
    total = sum(p.numel() for p in network.parameters())
    trainable = sum(p.numel() for p in network.parameters() if p.requires_grad)
    expected = tuple(others(network) + 2 * BODY_TRAINABLE[architecture][m] for m in ("none", mode))
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

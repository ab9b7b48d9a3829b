"""torchvision's ResNets as frozen or partly frozen bodies, and the forms in which they are run."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import get_model

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

@dataclass(frozen=True)
class Form:
    """How the same network is run."""

    name: str
    channels_last: bool = False
    fold: bool = False  # frozen BatchNorms into their convolutions, conv1 to one channel
    tuned_loop: bool = False  # fused Adam, foreach clipping, inference_mode while collecting
    compile: bool = False
    keep: bool = False  # what is wholly frozen runs once a frame; its features are learned from


FORMS = {
    form.name: form
    for form in [
        Form("eager"),
        Form("tuned", channels_last=True, tuned_loop=True),
        Form("folded", channels_last=True, fold=True, tuned_loop=True),
        Form("compiled", channels_last=True, fold=True, tuned_loop=True, compile=True),
        Form("kept", channels_last=True, fold=True, tuned_loop=True, compile=True, keep=True),
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
    """A ResNet without its classifier on [n, c, h, w], BatchNorm always in inference form.

    Its leading modules that hold nothing trainable run without a graph where nothing below trains.
    """

    def __init__(self, architecture, weights=None, channels=1):
        super().__init__()
        self.resnet = get_model(architecture)
        self.features = self.resnet.fc.in_features
        self.resnet.fc = nn.Identity()
        if weights is not None:
            missing, _ = self.resnet.load_state_dict(weights, strict=False)
            if any(not name.endswith("num_batches_tracked") for name in missing):
                raise SystemExit(f"the weights lack {missing}")
        self.prefix = self.suffix = None
        self.channels_last, self.pictured, self.channels = False, channels, 3

    def freeze(self, mode):
        for name, parameter in self.resnet.named_parameters():
            parameter.requires_grad_(FREEZE_MODES[mode](name))

    def prepare(self, form, learns_below):
        """Takes the freeze mode as settled and builds what `form` runs."""
        if form.fold:
            fold_frozen(self.resnet)
            if self.pictured == 1 and not self.resnet.conv1.weight.requires_grad:
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
        x = x.contiguous(memory_format=torch.channels_last if self.channels_last
                         else torch.contiguous_format)
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

"""Writes impala.safetensors: outputs and gradients of an actor-critic with IMPALA's convolutional
body, in PyTorch on closed-form weights, computed in float64 and rounded to float32; prints how far
PyTorch's own float32 is from them. README.md names the tensors and versions."""

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional as F

import closed_form
from resnet_golden import relative_error, sample

STATES, FRAMES, HEIGHT, WIDTH, CHANNELS, VALUES = 3, 2, 25, 18, 3, 2
CHOICES, DIMENSIONS, COMPONENTS = 3, 2, 2
SAMPLES = 256


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv0 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return x + self.conv1(F.relu(self.conv0(F.relu(x))))


class Sequence(nn.Module):
    def __init__(self, channels_in, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.block0 = Block(channels)
        self.block1 = Block(channels)

    def forward(self, x):
        return self.block1(self.block0(F.max_pool2d(self.conv(x), 3, 2, 1)))


class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.sequence0 = Sequence(FRAMES * CHANNELS, 16)
        self.sequence1 = Sequence(16, 32)
        self.sequence2 = Sequence(32, 32)
        rows, columns = (-(-size // 8) for size in (HEIGHT, WIDTH))
        self.linear = nn.Linear(rows * columns * 32, 256)

    def forward(self, x):
        x = F.relu(self.sequence2(self.sequence1(self.sequence0(x))))
        return F.relu(self.linear(x.permute(0, 2, 3, 1).flatten(1)))


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        width = 256 + VALUES
        self.body = Body()
        self.actor = nn.ModuleDict({"discrete": nn.Linear(width, CHOICES),
                                    "mu": nn.Linear(width, DIMENSIONS),
                                    "logstd": nn.Linear(width, DIMENSIONS)})
        self.critic = nn.ModuleDict({"value_heads": nn.Linear(width, COMPONENTS)})

    def forward(self, pictures, values):
        seen = torch.cat([self.body(pictures), values], 1)
        gaussian = torch.cat([self.actor["mu"](seen), self.actor["logstd"](seen)], 1)
        return {"logits": self.actor["discrete"](seen), "gaussian": gaussian,
                "values": self.critic["value_heads"](seen)}


def inputs(dtype):
    shape = (STATES, FRAMES, HEIGHT, WIDTH, CHANNELS)
    pixels = torch.from_numpy(closed_form.values("pixels", shape, 127.0, 128.0)).floor().to(dtype)
    stacked = pixels.permute(0, 1, 4, 2, 3).reshape(STATES, FRAMES * CHANNELS, HEIGHT, WIDTH)
    values = torch.from_numpy(closed_form.values("beside", (STATES, VALUES), 1.0)).to(dtype)
    return stacked / 255, values


def run(dtype):
    """Outputs, and all gradients of the sum of outputs times cotangents."""
    model = ActorCritic()
    model.load_state_dict({name: torch.from_numpy(closed_form.tensor(name, tuple(value.shape)))
                           for name, value in model.state_dict().items()})
    model.to(dtype)
    outputs = model(*inputs(dtype))
    loss = sum((value * torch.from_numpy(
        closed_form.values(f"cotangent.{name}", tuple(value.shape), 1.0)).to(dtype)).sum()
        for name, value in outputs.items())
    loss.backward()
    result = {**outputs, "loss": loss.reshape(1)}
    for name, parameter in model.named_parameters():
        result[f"grad.{name}"] = parameter.grad
    return {name: value.detach().double().numpy().copy() for name, value in result.items()}


def main():
    torch.set_num_threads(1)
    truth, single = run(torch.float64), run(torch.float32)
    errors = {name: relative_error(single[name], truth[name]) for name in truth}
    worst = max(errors, key=errors.get)
    print(f"PyTorch float32 against float64, relative L2: median {np.median(list(errors.values())):.2e}, "
          f"worst {errors[worst]:.2e} ({worst}); loss {truth['loss'][0]:.6f}")
    tensors = {}
    for name, value in truth.items():
        if name.startswith("grad."):
            tensors[f"{name}.sample"] = sample(value, SAMPLES)
            tensors[f"{name}.norm"] = np.linalg.norm(value)
        else:
            tensors[name] = value
    tensors = {name: np.ascontiguousarray(v, np.float32) for name, v in tensors.items()}
    target = Path(__file__).with_name("impala.safetensors")
    save_file(tensors, target)
    target.chmod(0o644)


if __name__ == "__main__":
    main()

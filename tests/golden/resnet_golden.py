"""Writes resnet18, resnet34 and resnet50.safetensors: outputs and gradients of torchvision's ResNets
on closed-form weights, computed in float64 and rounded to float32; prints how far PyTorch's own
float32 is from them. README.md names the tensors and versions."""

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torchvision.models import get_model

import closed_form

# Sides of the pictures, and elements of a gradient that are kept.
SIZES = {18: (24, 84, 224), 34: (33,), 50: (24,)}
SAMPLES = {18: 256, 34: 32, 50: 32}
BATCH = 2


def make_model(depth, dtype):
    model = get_model(f"resnet{depth}", weights=None)
    state = {
        name: torch.from_numpy(closed_form.tensor(name, tuple(value.shape)))
        for name, value in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    model.load_state_dict(state, strict=False)
    return model.to(dtype).eval()


def forward(model, x):
    """Logits and pooled features; torchvision returns only the logits, so a hook keeps the rest."""
    pooled = []
    handle = model.avgpool.register_forward_hook(lambda *args: pooled.append(args[2].flatten(1)))
    logits = model(x)
    handle.remove()
    return logits, pooled[0]


def run(model, x, output):
    """Outputs and all gradients of sum(output * cotangent), as NumPy arrays in float64."""
    model.zero_grad()
    x = x.detach().clone().requires_grad_()
    logits, pooled = forward(model, x.expand(-1, 3, -1, -1))
    target = logits if output == "logits" else pooled
    cotangent = torch.from_numpy(closed_form.cotangent(*target.shape)).to(target.dtype)
    (target * cotangent).sum().backward()
    result = {"logits": logits, "pooled": pooled, "grad.input": x.grad}
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            result[f"grad.{name}"] = parameter.grad
    return {name: value.detach().double().numpy().copy() for name, value in result.items()}


def relative_error(value, truth):
    return np.linalg.norm(value - truth) / np.linalg.norm(truth)


def report(title, single, truth):
    errors = {name: relative_error(single[name], truth[name]) for name in truth}
    outputs = ("logits", "pooled", "grad.input")
    gradients = {name: error for name, error in errors.items() if name not in outputs}
    worst = max(gradients, key=gradients.get)
    median = np.median(list(gradients.values()))
    print(f"{title}: PyTorch float32 against float64, relative L2: logits {errors['logits']:.2e}, "
          f"pooled {errors['pooled']:.2e}, input gradient {errors['grad.input']:.2e}, parameter "
          f"gradients median {median:.2e}, worst {gradients[worst]:.2e} "
          f"({worst}); rms of logits {np.sqrt(np.mean(truth['logits'] ** 2)):.3g}")


def sample(value, count):
    flat = value.reshape(-1)
    return flat[::max(1, flat.size // count)][:count]


def pack(prefix, truth, wanted, samples):
    """Gradients as a strided sample and their norm, outputs in full."""
    for name in wanted:
        if name.startswith("grad."):
            yield f"{prefix}.{name}.sample", sample(truth[name], samples)
            yield f"{prefix}.{name}.norm", np.linalg.norm(truth[name])
        else:
            yield f"{prefix}.{name}", truth[name]


def write(depth):
    models = {dtype: make_model(depth, dtype) for dtype in (torch.float32, torch.float64)}
    tensors = {}

    def add(prefix, channels, size, output, wanted=None):
        x = torch.from_numpy(closed_form.model_input(BATCH, channels, size, size))
        single, truth = (run(model, x.to(dtype), output) for dtype, model in models.items())
        report(f"resnet{depth} {prefix}", single, truth)
        tensors.update(pack(prefix, truth, wanted or truth, SAMPLES[depth]))

    for size in SIZES[depth]:
        add(f"s{size}", 3, size, "logits")
    if depth == 18:
        add("repeat3.s24", 1, 24, "pooled", ["pooled", "grad.input"])
        # The generator itself, so that a difference in it is not taken for one of the network.
        tensors["generator.conv1.weight"] = closed_form.tensor("conv1.weight", (64, 3, 7, 7))[:2]
        tensors["generator.bn1.running_var"] = closed_form.tensor("bn1.running_var", (64,))
        tensors["generator.input"] = closed_form.model_input(1, 1, 8, 8)

    tensors = {name: np.ascontiguousarray(v, np.float32) for name, v in tensors.items()}
    target = Path(__file__).with_name(f"resnet{depth}.safetensors")
    save_file(tensors, target)
    target.chmod(0o644)


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    for depth in SIZES:
        write(depth)


if __name__ == "__main__":
    main()

"""Writes adam.safetensors: parameters and moments of torch.optim.Adam and parameters of
torch.optim.AdamW (float64, rounded to float32) on closed-form starting values and gradients.
README.md names the tensors and versions."""

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

import closed_form

STEPS = 5
GROUPS = [(1e-2, {"p0": (5,), "p1": (3, 4)}), (3e-3, {"p2": (7,), "late": (6,)})]
DECAYS = [0.5, 0.2]  # of AdamW, for each group
FIRST_STEP = {"late": 3}  # has no gradient before: its own step count starts there


def trajectory(make_optimizer):
    """Parameters after every step, then the moments."""
    parameters, groups = {}, []
    for (lr, members), decay in zip(GROUPS, DECAYS):
        for name, shape in members.items():
            start = torch.from_numpy(closed_form.values(f"adam.{name}", shape, 1.0)).double()
            parameters[name] = torch.nn.Parameter(start)
        members = [parameters[name] for name in members]
        groups.append({"params": members, "lr": lr, "weight_decay": decay})
    adam = make_optimizer(groups)

    tensors = {}
    for step in range(1, STEPS + 1):
        for name, parameter in parameters.items():
            if step < FIRST_STEP.get(name, 1):
                continue
            gradient = closed_form.values(f"adam.grad.{name}.{step}", tuple(parameter.shape), 2.0)
            parameter.grad = torch.from_numpy(gradient).double()
        adam.step()
        for name, parameter in parameters.items():
            tensors[f"step{step}.{name}"] = parameter.detach().numpy().copy()
    for name, parameter in parameters.items():
        state = adam.state[parameter]
        tensors[f"exp_avg.{name}"] = state["exp_avg"].numpy()
        tensors[f"exp_avg_sq.{name}"] = state["exp_avg_sq"].numpy()

    return tensors


def without_decay(groups):
    return torch.optim.Adam([{**g, "weight_decay": 0.0} for g in groups], betas=(0.9, 0.999),
                            eps=1e-8)


def main():
    tensors = trajectory(without_decay)
    decayed = trajectory(lambda groups: torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=1e-8))
    tensors.update({f"decayed.{n}": v for n, v in decayed.items() if n.startswith("step")})
    tensors = {name: np.ascontiguousarray(v, np.float32) for name, v in tensors.items()}
    target = Path(__file__).with_name("adam.safetensors")
    save_file(tensors, target)
    target.chmod(0o644)


if __name__ == "__main__":
    main()

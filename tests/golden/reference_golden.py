"""Writes reference.safetensors: where Gymnasium's control problems come to from states set by hand.
README.md names the tensors and versions."""

from pathlib import Path

import gymnasium
import numpy as np
from safetensors.numpy import save_file

import closed_form

SEGMENTS, STEPS = 24, 12
# Scale and offset of each number of the starting state, and the number of choices (0: a torque).
PROBLEMS = {
    "CartPole-v1": ([(2.25, 0.0), (2.0, 0.0), (0.2, 0.0), (2.0, 0.0)], 2),
    "Acrobot-v1": ([(1.5, 0.0), (1.5, 0.0), (4.0, 0.0), (8.0, 0.0)], 3),
    "MountainCar-v0": ([(0.875, -0.3125), (0.0625, 0.0)], 3),
    "Pendulum-v1": ([(12.0, 0.0), (7.5, 0.0)], 0),
}


def run(environment, start, actions):
    """The length, return and end of the segment from `start`."""
    environment.reset(seed=0)
    environment.state = start.copy()
    total, length, terminated = np.float64(0.0), 0, False
    while length < len(actions) and not terminated:
        observation, reward, terminated, _, _ = environment.step(actions[length])
        total += np.float64(reward)
        length += 1
    return length, terminated, total, np.array(environment.state, np.float64), observation


def main():
    tensors = {}
    for name, (numbers, choices) in PROBLEMS.items():
        environment = gymnasium.make(name).unwrapped
        starts = np.stack([closed_form.values(f"{name}.state.{i}", (SEGMENTS,), scale, offset)
                           for i, (scale, offset) in enumerate(numbers)], axis=1)
        if choices:
            uniform = closed_form.values(f"{name}.actions", (SEGMENTS, STEPS), 0.5, 0.5)
            actions = (uniform.astype(np.float64) * choices).astype(np.int64)
        else:
            actions = closed_form.values(f"{name}.actions", (SEGMENTS, STEPS, 1), 2.0)
        ends = [run(environment, starts[k].astype(np.float64), actions[k])
                for k in range(SEGMENTS)]
        for column, (what, dtype) in enumerate([("length", np.int64), ("terminated", np.uint8),
                                                ("return", np.float64), ("state", np.float64),
                                                ("observation", np.float32)]):
            tensors[f"{name}.{what}"] = np.array([end[column] for end in ends], dtype)
    target = Path(__file__).with_name("reference.safetensors")
    save_file(tensors, target)
    target.chmod(0o644)


if __name__ == "__main__":
    main()

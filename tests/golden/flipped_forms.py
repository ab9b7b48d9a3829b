"""Writes small networks and ResNet18s in the newer forms of torch.save and torch.jit.save, and lets
frost_tests change single bytes in them (FlippedFiles): each is refused in one line or read whole.

usage: flipped_forms.py [--build FOLDER] [--flips N] [--body-flips N]

Needs torch and torchvision. Prints how many were refused and read, per form; ends with 1 where one
was neither.
"""

import argparse
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import torch
from torchvision.models import resnet18

from torch_forms import LEGACY, deflated, make_state, saved

ROOT = pathlib.Path(__file__).resolve().parents[2]


def small_network():
    """One layer of each kind; it takes 12 pixels."""
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.ReLU(),
                               torch.nn.Flatten(), torch.nn.Linear(200, 4)).eval()


def script_of(network, side, channels):
    buffer = io.BytesIO()
    pictures = torch.zeros(1, channels, side, side)
    torch.jit.save(torch.jit.trace(network, pictures), buffer)
    return buffer.getvalue()


def forms(network, side, channels):
    state = network.state_dict()
    yield "module", saved(network)
    yield "module-legacy", saved(network, **LEGACY)
    yield "torchscript", script_of(network, side, channels)
    yield "protocol4", saved(state, pickle_protocol=4)
    yield "protocol5", saved(state, pickle_protocol=5)
    yield "deflated", deflated(saved(state))
    yield "protocol4-legacy", saved(state, pickle_protocol=4, **LEGACY)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--flips", type=int, default=10000)
    parser.add_argument("--body-flips", type=int, default=100)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    body = resnet18()
    body.load_state_dict(make_state(18))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for title, network, side, channels in (("small", small_network(), 12, 1),
                                               ("resnet18", body.eval(), 64, 3)):
            for form, image in forms(network, side, channels):
                (folder / f"{title}-{form}").write_bytes(image)
        return subprocess.run(
            [options.build / "tests/frost_tests", "--gtest_brief=1", "--gtest_filter=FlippedFiles.*"],
            env={**os.environ, "FROST_FLIP_FILES": str(folder), "FROST_FLIPS": str(options.flips),
                 "FROST_BODY_FLIPS": str(options.body_flips)}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

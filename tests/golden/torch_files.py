"""Writes ResNets in every form PyTorch, torchvision and timm have for them, imports each with
bin/import_weights and compares the blobs bit for bit; then loads a blob into torchvision and compares
logits with bin/infer.

usage: torch_files.py [--bin FOLDER] [--old-python PYTHON] [--weights FILE] [--depths N ...]

--old-python is a Python that has PyTorch 1.13, which then writes the same forms. --weights is a
safetensors file of a whole ResNet18; without it the weights are in closed form. Needs torch,
torchvision, safetensors and NumPy, and timm for its forms; torch_forms.py lists the forms. Prints a
table; ends with 1 where anything differs.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch

import closed_form
from torch_forms import forms, make_state
from weight_files import COUNTER

HERE = pathlib.Path(__file__).resolve().parent
DEPTHS = (18, 34, 50)
SIDES = (64, 84, 224)


def write_forms(folder, depth, array_file):
    """Writes every form as <number>.pth and what it should import to as <number>.kind."""
    folder = pathlib.Path(folder)
    for number, form in enumerate(forms(depth, array_file)):
        (folder / f"{number:02}.pth").write_bytes(form.image)
        lines = (form.rounding, "head" if form.head else "body", form.record, form.name,
                 torch.__version__)
        (folder / f"{number:02}.kind").write_text("\n".join(lines) + "\n")


def bits(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8)


def record_of(blob):
    """Resize, crop and interpolation, as the blob's metadata say them."""
    from safetensors import safe_open

    with safe_open(blob, "pt") as file:
        metadata = file.metadata()
    return " ".join(metadata["preprocessing." + key] for key in ("resize", "crop", "interpolation"))


def differences(blob, expected, record):
    """The tensors of a blob that are not as they should be, and its record if it is not."""
    from safetensors.torch import load_file

    imported = load_file(blob)
    wrong = [] if imported.keys() == expected.keys() else ["names"]
    for key, value in expected.items():
        found = imported.get(key, torch.empty(0))
        same = found.dtype == value.dtype and found.shape == value.shape
        if not same or not torch.equal(bits(found), bits(value)):
            wrong.append(key)
    return wrong + ([record_of(blob)] if record_of(blob) != record else [])


def check_imports(folder, importer, state, depth):
    """Imports every form in `folder`; returns the number of forms and of those that differ."""
    types = {"exact": torch.float32, "half": torch.half, "bfloat16": torch.bfloat16}
    count = bad = 0
    for path in sorted(folder.glob("*.pth")):
        kind, head, record, name, version = path.with_suffix(".kind").read_text().splitlines()
        blob = path.with_suffix(".safetensors")
        result = subprocess.run([importer, path, "-o", blob], capture_output=True, text=True)
        if result.returncode:
            verdict = f"REFUSED: {result.stderr.strip()}"
        else:
            expected = {key: torch.tensor(0) if key.endswith(COUNTER)
                        else value.to(types[kind]).float() for key, value in state.items()
                        if head == "head" or not key.startswith("fc.")}
            wrong = differences(blob, expected, record or "256 224 bilinear")
            verdict = f"DIFFERS: {', '.join(wrong[:3])}" if wrong else "equal"
        print(f"{version:14} resnet{depth} {name:32} {verdict}", flush=True)
        count, bad = count + 1, bad + (verdict != "equal")
        path.unlink()
        if name != "state dict" and blob.exists():
            blob.unlink()
    return count, bad


def check_logits(folder, infer, blob, depth):
    """Strict loading into torchvision, and relative L2 of features and logits against bin/infer."""
    from safetensors.torch import load_file
    from torchvision.models import get_model

    model = get_model(f"resnet{depth}", weights=None)
    print(f"torchvision, resnet{depth}, strict:", model.load_state_dict(load_file(blob), strict=True))
    pooled = []
    model.eval().avgpool.register_forward_hook(lambda *args: pooled.append(args[2].flatten(1)))
    bad = 0
    for side in SIDES:
        images = np.ascontiguousarray(closed_form.model_input(4, 3, side, side), np.float32)
        np.save(folder / "images.npy", images)
        with torch.inference_mode():
            logits = model(torch.from_numpy(images))
        for what, theirs in (("features", pooled.pop()), ("logits", logits)):
            subprocess.run([infer, blob, folder / "images.npy", f"--{what}", folder / "out.npy",
                            "--device", "cpu", "--threads", "1"], check=True, capture_output=True)
            ours, theirs = np.load(folder / "out.npy").astype(np.float64), theirs.double().numpy()
            error = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
            print(f"resnet{depth} at {side} pixels: {what} of bin/infer against torchvision's, "
                  f"relative L2: {error:.2e} (at most 1e-5)", flush=True)
            bad += not error <= 1e-5
    return bad


def check_depth(options, depth, folder, arrays):
    """All forms of one depth from every Python, and the logits; (forms, differences)."""
    state = make_state(depth, arrays)
    count = bad = 0
    pythons = [sys.executable] + ([options.old_python] if options.old_python else [])
    for number, python in enumerate(pythons):
        files = folder / f"{depth}.{number}"
        files.mkdir()
        subprocess.run([python, "-W", "ignore", __file__, "--write", files, str(depth), arrays],
                       check=True)
        tried, differing = check_imports(files, options.bin / "import_weights", state, depth)
        count, bad = count + tried, bad + differing
    blobs = sorted((folder / f"{depth}.0").glob("*.safetensors"))
    bad += check_logits(folder, options.bin / "infer", blobs[0], depth) if blobs else 1
    for path in folder.glob(f"{depth}.*/*.safetensors"):
        path.unlink()
    return count, bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, default=HERE.parent.parent / "bin")
    parser.add_argument("--old-python")
    parser.add_argument("--weights")
    parser.add_argument("--depths", type=int, nargs="+", default=DEPTHS)
    parser.add_argument("--write", nargs=3, metavar=("FOLDER", "DEPTH", "ARRAYS"),
                        help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.write:
        folder, depth, arrays = options.write
        return write_forms(folder, int(depth), arrays or None)

    count = bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        arrays = ""
        if options.weights:
            from safetensors.numpy import load_file

            arrays = str(folder / "weights.npz")
            np.savez(arrays, **load_file(options.weights))
        for depth in options.depths:
            tried, differing = check_depth(options, depth, folder, arrays if depth == 18 else "")
            count, bad = count + tried, bad + differing
    print(f"{count} forms, " + ("all equal" if not bad else f"{bad} differ"))
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())

"""Compares what ONNX exports compute in onnxruntime with what Frostline computes, to 1e-5.

usage: onnx_exports.py [--build FOLDER] [--bin FOLDER] [--weights FILE]

Two sources: the policies and bodies of frost_tests' OnnxExport tests, which leave their models,
inputs and results behind, and the export of a weight file (default: closed-form ResNet18) against
bin/infer at sides 64, 84 and 224. Needs onnx, onnxruntime, safetensors and NumPy. Prints a table;
ends with 1 where anything differs or a model does not pass onnx.checker.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file, save_file

import closed_form
from weight_files import COUNTER, shapes

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 1e-5


def run_model(path, inputs):
    """Outputs of a model by name, after it passed the checker."""
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path))
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs)))


def report(case, outputs, expected):
    """One line per output; returns whether all agree."""
    agree = set(outputs) == set(expected)
    for name, ours in expected.items():
        theirs = outputs[name]
        scale = max(1.0, float(np.abs(ours).max()))
        error = float(np.abs(theirs - ours).max()) / scale
        agree &= theirs.shape == ours.shape and error <= LIMIT
        print(f"{case:<28} {name:<9} {str(list(ours.shape)):<16} {error:.1e}")
    return agree


def compare_tests(build, folder):
    subprocess.run([build / "tests/frost_tests", "--gtest_filter=OnnxExport.*", "--gtest_brief=1"],
                   check=True, env={**os.environ, "FROST_ONNX_CASES": str(folder)},
                   stdout=subprocess.DEVNULL)
    agree = True
    for model in sorted(folder.glob("*.onnx")):
        tensors = load_file(model.with_suffix(".safetensors"))
        inputs = {k[3:]: v for k, v in tensors.items() if k.startswith("in.")}
        expected = {k[4:]: v for k, v in tensors.items() if k.startswith("out.")}
        agree &= report(model.stem, run_model(model, inputs), expected)
    return agree


def closed_form_weights(path):
    state = {name: closed_form.tensor(name, shape)
             for name, shape in shapes().items() if not name.endswith(COUNTER)}
    save_file({k: np.ascontiguousarray(v, dtype=np.float32) for k, v in state.items()}, path)


def compare_weights(binaries, weights, folder):
    model = folder / "weights.onnx"
    subprocess.run([binaries / "export_weights", weights, "--onnx", model], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    entries = {p.key: p.value for p in onnx.load(model).metadata_props}
    print("source sha256", entries["source_sha256"])
    triple = lambda name: np.array(entries["preprocessing." + name].split(), np.float32)[:, None, None]
    top = np.float32(entries["preprocessing.input_range"].split("..")[1])
    agree = True
    for side in (64, 84, 224):
        pictures = np.random.default_rng(side).random((2, 3, side, side), np.float32) * top
        ordered = pictures[:, ::-1] if entries["preprocessing.channels"] == "bgr" else pictures
        np.save(folder / "in.npy", (ordered / top - triple("mean")) / triple("deviation"))
        outputs = run_model(model, {"pictures": pictures})
        expected = {}
        for name, option in (("features", "--features"), ("logits", "--logits")):
            if name not in outputs:
                continue
            target = folder / (name + ".npy")
            subprocess.run([binaries / "infer", weights, folder / "in.npy", option, target],
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            expected[name] = np.load(target)
        agree &= report(f"{pathlib.Path(weights).name} {side}", outputs, expected)
    return agree


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "bin")
    parser.add_argument("--weights", nargs="*", default=[])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        agree = compare_tests(options.build, folder)
        if not options.weights:
            options.weights = [folder / "closed_form.safetensors"]
            closed_form_weights(options.weights[0])
        for weights in options.weights:
            agree &= compare_weights(options.bin, weights, folder)
    print("all agree" if agree else "DIFFERENT")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())

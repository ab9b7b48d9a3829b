"""Writes one ResNet18 in every form PyTorch has for it, imports each with bin/import_weights and
compares the blobs bit for bit; then loads a blob into torchvision and compares logits with bin/infer.

usage: torch_files.py [--bin FOLDER] [--old-python PYTHON] [--weights FILE]

--old-python is a Python that has PyTorch 1.13, which then writes the same forms. --weights is a
safetensors file of a whole ResNet18; without it the weights are in closed form. Needs torch,
torchvision, safetensors and NumPy. Prints a table; ends with 1 where anything differs.
"""

import argparse
import collections
import io
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

import numpy as np
import torch

import closed_form
from weight_files import COUNTER, shapes

HERE = pathlib.Path(__file__).resolve().parent


def make_state(array_file):
    """The state dict all forms hold: read from an .npz, else in closed form."""
    arrays = np.load(array_file) if array_file else None
    state = collections.OrderedDict()
    for name, shape in shapes().items():
        if name.endswith(COUNTER):
            state[name] = torch.tensor(7, dtype=torch.int64)
        else:
            array = arrays[name] if arrays else closed_form.tensor(name, shape)
            state[name] = torch.from_numpy(np.array(array, dtype=np.float32))
    return state


def floating(state, change):
    return collections.OrderedDict(
        (name, change(value) if value.is_floating_point() else value)
        for name, value in state.items())


def prefixed(prefix, state):
    return collections.OrderedDict((prefix + name, value) for name, value in state.items())


def in_one_storage(state):
    """All floating tensors as views of one storage."""
    flat = torch.cat([v.reshape(-1) for v in state.values() if v.is_floating_point()])
    begin = 0
    shared = collections.OrderedDict()
    for name, value in state.items():
        if value.is_floating_point():
            shared[name] = flat[begin:begin + value.numel()].view(value.shape)
            begin += value.numel()
        else:
            shared[name] = value
    return shared


def transposed(value):
    """The same values, stored with the first and last dimension exchanged."""
    if value.dim() < 2:
        return value
    return value.transpose(0, -1).contiguous().transpose(0, -1)


def lightning(state):
    return {
        "epoch": 3, "global_step": 100, "pytorch-lightning_version": "1.9.0",
        "state_dict": prefixed("model.", state), "loops": {"fit_loop": {"done": True}},
        "callbacks": {}, "optimizer_states": [{"state": {0: {"step": 5, "exp_avg": torch.ones(3)}},
                                               "param_groups": [{"lr": 0.1, "params": [0, 1]}]}],
        "lr_schedulers": [], "hyper_parameters": {"lr": 0.1, "name": None, "betas": (0.9, 0.999)},
    }


def saved(value, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def as_cuda_zip(image):
    """The file as saved from a GPU: there, location and storage type are the only difference."""
    source = zipfile.ZipFile(io.BytesIO(image))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        for item in source.infolist():
            data = source.read(item)
            if item.filename.endswith("/data.pkl"):
                data = relocated(data)
            target.writestr(item.filename, data)
    return buffer.getvalue()


def relocated(data):
    """Pickled text "cpu" to "cuda:0", torch.FloatStorage to torch.cuda.FloatStorage and so on."""
    cpu, cuda = b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"
    data, types = re.subn(rb"ctorch\n(\w+Storage)\n", rb"ctorch.cuda\n\1\n", data)
    assert cpu in data and types
    return data.replace(cpu, cuda)


def forms(state):
    """Name -> (file content, rounding of the floating tensors)."""
    exact = lambda value: value
    half = lambda value: value.half()
    brain = lambda value: value.bfloat16()
    double = lambda value: value.double()
    parameters = floating(state, lambda v: torch.nn.Parameter(v, requires_grad=False))
    no_counters = collections.OrderedDict(
        (n, v) for n, v in state.items() if not n.endswith(COUNTER))
    legacy = {"_use_new_zipfile_serialization": False}
    channels_last = lambda v: v.contiguous(memory_format=torch.channels_last) if v.dim() == 4 else v
    yield "state dict", saved(state), exact
    yield "state dict, legacy", saved(state, **legacy), exact
    yield "without counters", saved(no_counters), exact
    yield "plain dict", saved(dict(state)), exact
    yield "half", saved(floating(state, half)), half
    yield "half, legacy", saved(floating(state, half), **legacy), half
    yield "bfloat16", saved(floating(state, brain)), brain
    yield "bfloat16, legacy", saved(floating(state, brain), **legacy), brain
    yield "double", saved(floating(state, double)), exact
    yield "DataParallel", saved(prefixed("module.", state)), exact
    yield "DataParallel, legacy", saved(prefixed("module.", state), **legacy), exact
    yield "torch.compile", saved(prefixed("_orig_mod.", state)), exact
    yield "Lightning", saved(lightning(state)), exact
    yield "Lightning, legacy", saved(lightning(state), **legacy), exact
    yield "Parameters", saved(parameters), exact
    yield "one storage", saved(in_one_storage(state)), exact
    yield "one storage, legacy", saved(in_one_storage(state), **legacy), exact
    yield "channels-last", saved(floating(state, channels_last)), exact
    yield "channels-last, legacy", saved(floating(state, channels_last), **legacy), exact
    yield "transposed", saved(floating(state, transposed)), exact
    yield "CUDA storages", as_cuda_zip(saved(state)), exact
    yield "CUDA storages, legacy", relocated(saved(state, **legacy)), exact


def write_forms(folder, array_file):
    """Writes every form as <number>.pth and what it should import to as <number>.kind."""
    folder = pathlib.Path(folder)
    names = {torch.half: "half", torch.bfloat16: "bfloat16", torch.float32: "exact"}
    for number, (name, image, rounding) in enumerate(forms(make_state(array_file))):
        (folder / f"{number:02}.pth").write_bytes(image)
        kind = names[rounding(torch.ones(1)).dtype]
        (folder / f"{number:02}.kind").write_text(f"{kind}\n{name}\n{torch.__version__}\n")


def bits(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8)


def check_imports(folder, importer, state):
    """Imports every form in `folder`; returns the number that differ."""
    from safetensors.torch import load_file

    bad = 0
    for path in sorted(folder.glob("*.pth")):
        kind, name, version = path.with_suffix(".kind").read_text().splitlines()
        blob = path.with_suffix(".safetensors")
        result = subprocess.run([importer, path, "-o", blob], capture_output=True, text=True)
        if result.returncode:
            print(f"{version:14} {name:24} REFUSED: {result.stderr.strip()}")
            bad += 1
            continue
        rounding = {"exact": torch.float32, "half": torch.half, "bfloat16": torch.bfloat16}[kind]
        imported = load_file(blob)
        wrong = [] if imported.keys() == state.keys() else ["names"]
        for key, value in state.items():
            expected = torch.tensor(0) if key.endswith(COUNTER) else value.to(rounding).float()
            found = imported.get(key, torch.empty(0))
            same = found.dtype == expected.dtype and found.shape == expected.shape
            if not same or not torch.equal(bits(found), bits(expected)):
                wrong.append(key)
        print(f"{version:14} {name:24} {'DIFFERS: ' + ', '.join(wrong[:3]) if wrong else 'equal'}")
        bad += bool(wrong)
        path.unlink()
        if not (kind == "exact" and name == "state dict"):
            blob.unlink()
    return bad


def check_logits(folder, infer, blob):
    """Strict loading into torchvision, and relative L2 of the logits against bin/infer."""
    from safetensors.torch import load_file
    from torchvision.models import resnet18

    model = resnet18(weights=None)
    print("torchvision, strict:", model.load_state_dict(load_file(blob), strict=True))
    images = np.ascontiguousarray(closed_form.model_input(4, 3, 224, 224), np.float32)
    np.save(folder / "images.npy", images)
    subprocess.run([infer, blob, folder / "images.npy", "--logits", folder / "logits.npy",
                    "--device", "cpu", "--threads", "1"], check=True, capture_output=True)
    ours = np.load(folder / "logits.npy").astype(np.float64)
    with torch.inference_mode():
        theirs = model.eval()(torch.from_numpy(images)).double().numpy()
    error = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
    print(f"logits of bin/infer against torchvision's, relative L2: {error:.2e} (at most 1e-5)")
    return int(not error <= 1e-5)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, default=HERE.parent.parent / "bin")
    parser.add_argument("--old-python")
    parser.add_argument("--weights")
    parser.add_argument("--write", nargs=2, metavar=("FOLDER", "ARRAYS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        return write_forms(options.write[0], options.write[1] or None)

    torch.set_num_threads(1)
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        arrays = ""
        if options.weights:
            from safetensors.numpy import load_file

            arrays = str(folder / "weights.npz")
            np.savez(arrays, **load_file(options.weights))
        state = make_state(arrays)
        pythons = [sys.executable] + ([options.old_python] if options.old_python else [])
        for number, python in enumerate(pythons):
            files = folder / str(number)
            files.mkdir()
            subprocess.run([python, __file__, "--write", files, arrays], check=True)
            bad += check_imports(files, options.bin / "import_weights", state)
        blobs = sorted((folder / "0").glob("*.safetensors"))
        bad += check_logits(folder, options.bin / "infer", blobs[0]) if blobs else 1
    print("all equal" if not bad else f"{bad} differ")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())

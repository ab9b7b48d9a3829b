"""Imports checkpoints as programs of others write them and compares the blobs bit for bit; with
--train names each as actor_critic.weights_path as well.

usage: user_files.py [--bin FOLDER] [--train] [--table FOLDER]

user_cases.py lists the files. --table is a folder with more of them: table.csv (file, what, expected)
and expected.safetensors, the weights that those hold that import. What must not import must be
refused in one line that says why. Needs torch, safetensors and NumPy. Prints a table; ends with 1
where anything is not as it must be.
"""

import argparse
import csv
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings

import torch
from safetensors.torch import load_file

from user_cases import BODY, WHOLE, all_cases
from weight_files import COUNTER

ROOT = pathlib.Path(__file__).resolve().parents[2]
# One update of two environments.
SMALLEST = ("trainer.num_envs=2", "trainer.rollout_steps=4", "trainer.minibatch_size=4",
            "trainer.update_epochs=1", "evaluation.every=0", "system.device=cpu",
            "system.threads=1")


class Checker:
    def __init__(self, binaries, folder, train):
        self.binaries, self.folder, self.train = binaries, folder, train
        self.count = self.bad = 0

    def run(self, program, *arguments):
        result = subprocess.run([self.binaries / program, *arguments], capture_output=True, text=True,
                                cwd=ROOT)
        return result.returncode, result.stdout + result.stderr, result.stderr

    def trained(self, path, *options):
        settings = [part for key in (f"actor_critic.weights_path={path}", *SMALLEST, *options)
                    for part in ("--set", key)]
        return self.run("train", "configs/image.yaml", "--out", self.folder / f"run{self.count}",
                        "--stop-after", "1", *settings)

    def imported(self, path):
        """The tensors and the text, of a refusal an empty dict."""
        blob = self.folder / "blob.safetensors"
        status, text, error = self.run("import_weights", path, "-o", blob)
        if status == 0:
            found = load_file(blob)
            blob.unlink()
            return found, text
        assert status == 1 and not blob.exists(), text
        return {}, error

    def report(self, name, faults, seen=""):
        self.count, self.bad = self.count + 1, self.bad + bool(faults)
        print(f"{name:44} {'BAD: ' + '; '.join(faults) if faults else 'as it must be'}{seen}",
              flush=True)

    def refused(self, name, path, part):
        found, text = self.imported(path)
        runs = [text] + ([self.trained(path)[2]] if self.train else [])
        faults = ["it imports"] if found else []
        faults += [f"said {error.strip()}" for error in runs
                   if error.count("\n") != 1 or not re.match("error: .*" + re.escape(part), error)]
        self.report(name, faults, f": {text.strip()[7:110]}" if not faults else "")

    def accepted(self, name, path, expected, *options):
        """`expected` are the floating tensors."""
        found, text = self.imported(path)
        faults = [] if found else [text.strip()]
        tensors = {k: v for k, v in found.items() if not k.endswith(COUNTER)}
        if found and tensors.keys() != expected.keys():
            faults.append(f"{len(tensors)} tensors for {len(expected)}")
        faults += [f"{k} differs" for k, v in tensors.items()
                   if k in expected and not torch.equal(v, expected[k])][:3]
        if self.train and not faults:
            status, out, error = self.trained(path, *options)
            faults += [f"train: {error.strip()}"] if status else []
            if "weights: " not in out:
                faults.append("train says nothing of the weights")
        self.report(name, faults, f", {len(expected)} tensors" if not faults else "")


def expected_of(case, state):
    """What a case of user_cases.py imports to, or the text of its refusal."""
    floats = {k: v for k, v in state.items() if not k.endswith(COUNTER)}
    body = {k: v for k, v in floats.items() if not k.startswith("fc.")}
    if case.expected == "half":
        return {k: v if k == "bn1.bias" else v.half().float() for k, v in floats.items()}
    if case.expected == "expanded":
        return {**floats, "bn1.running_var": floats["bn1.running_var"][:1].expand(64)}
    return {WHOLE: floats, BODY: body}.get(case.expected, case.expected)


def check_table(checker, folder):
    """The rows of a table.csv; what is expected is said in words there."""
    whole = load_file(folder / "expected.safetensors")
    body = {k: v for k, v in whole.items() if not k.startswith("fc.")}
    with open(folder / "table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        path, text = folder / row["file"], row["expected"]
        if text.startswith("exit 1"):
            checker.refused(row["file"], path, "LFS" if "lfs" in text else "HTML page")
        elif "one channel" in row["what"]:
            grey = {**whole, "conv1.weight": whole["conv1.weight"].sum(1, keepdim=True)}
            checker.accepted(row["file"], path, grey,
                             "actor_critic.backbone.input_adapter=1ch_conv")
            if checker.train and "input_adapter" not in checker.trained(path)[2]:
                checker.report(row["file"], ["train names no input_adapter that fits"])
        elif "10 classes" in row["what"]:
            ten = torch.load(path)
            checker.accepted(row["file"], path, {k: v for k, v in ten.items() if COUNTER not in k})
        else:
            checker.accepted(row["file"], path, whole if text.startswith("102") else body)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "bin")
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--table", type=pathlib.Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        checker = Checker(options.bin.resolve(), folder, options.train)
        if options.table:
            check_table(checker, options.table.resolve())
        state, cases = all_cases()
        for case in cases:
            path = folder / "file.pth"
            torch.save(case.value, path, **case.options)
            expected = expected_of(case, state)
            if isinstance(expected, str):
                checker.refused(case.name, path, expected)
            else:
                checker.accepted(case.name, path, expected)
    print(f"{checker.count} files, " + (f"{checker.bad} are not as they must be" if checker.bad
                                        else "all as they must be"))
    return int(bool(checker.bad))


if __name__ == "__main__":
    sys.exit(main())

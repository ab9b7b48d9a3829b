"""Gives bin/import_weights and bin/inspect_weights files that were made to run code, to crash them
or to exhaust the machine, cuts ResNet18 files short at every 64th, and flips single bytes in them.

usage: hostile_files.py [--bin FOLDER] [--flips N] [--only PART] [FILE ...]

A hostile or cut file must end the program with status 1, one line of error, no file created, no
process started, no file opened but the one named and the system's (strace sees both, where
installed), at most 256 MiB of memory beside the file's size and within 30 s. A flipped file must do the same or be written as a complete blob of finite values.
FILE ... are ResNet18 files of torch.save to be cut and flipped as well. --only is hostile, cuts or
flips. Needs NumPy only; prints a table and ends with 1 where anything else happens.
"""

import argparse
import collections
import json
import multiprocessing
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np

import closed_form
from hostile_cases import all_cases
from weight_files import COUNTER, resnet18, shapes

HERE = pathlib.Path(__file__).resolve().parent
BEYOND_FILE = 256 << 20
SECONDS = 30


def resnet18_arrays():
    return {name: np.array(7, np.int64) if name.endswith(COUNTER)
            else closed_form.tensor(name, shape) for name, shape in shapes().items()}


Run = collections.namedtuple("Run", "status error peak seconds blob trace named")
TRACE = ["strace", "-f", "-qq", "-e",
         "trace=process,openat,open,creat,mkdir,rename,link,symlink,socket"]


def execute(command, folder):
    """Status, peak memory in bytes and seconds of one run. A process inherits the peak of the one
    that starts it: this runs in a worker that is forked while there is little in memory."""
    begin = time.monotonic()
    with open(folder / "err", "wb") as err:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=err, cwd=folder / "out")
        _, status, usage = os.wait4(child.pid, 0)
    return (os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024, time.monotonic() - begin)


def content_of(out):
    """The blob that a run left in its folder, or nothing; anything else makes no blob."""
    left = sorted(out.iterdir())
    if [path.name for path in left] == ["blob.safetensors"]:
        return left[0].read_bytes()
    return b"other files" if left else None


SYSTEM = ("/etc/ld.so", "/lib", "/usr/lib", "/proc/", "/sys/", "/dev/", "/usr/share/locale/",
          "/etc/ssl/", "/usr/local/")
OPENED = re.compile(r'(?:openat\([^,]*, |open\()"([^"]*)".* = \d+')


def foreign_files(trace, named):
    """Files that were opened and are neither the one named nor the system's."""
    for path in OPENED.findall(trace):
        if path != str(named) and not path.startswith(SYSTEM):
            yield path


def refusal_faults(result, size):
    """What is wrong with a refusal; nothing where it is as it must be."""
    if result.status != 1:
        yield f"status {result.status}"
    if result.error.count("\n") != 1 or not result.error.startswith("error: "):
        yield f"error text {result.error[:200]!r}"
    if result.blob is not None:
        yield "a file was created"
    if result.peak > size + BEYOND_FILE:
        yield f"peak memory {result.peak >> 20} MiB"
    if result.seconds > SECONDS:
        yield f"{result.seconds:.0f} s"
    calls = [line for line in result.trace.splitlines() if "execve" in line]
    if len(calls) > 1 or "fork(" in result.trace or "socket(" in result.trace:
        yield "a process was started"
    if "O_CREAT" in result.trace or "creat(" in result.trace:
        yield "a file was opened for writing"
    for path in foreign_files(result.trace, result.named):
        yield f"{path} was opened"


def arrays_of(blob):
    """The tensors of a safetensors file by name."""
    length = int.from_bytes(blob[:8], "little")
    header = json.loads(blob[8:8 + length])
    header.pop("__metadata__", None)
    return {name: np.frombuffer(blob[8 + length:][slice(*entry["data_offsets"])],
                                "<i8" if entry["dtype"] == "I64" else "<f4")
            .reshape(entry["shape"]) for name, entry in header.items()}


def blob_faults(blob):
    """What keeps a blob from being a complete ResNet18 of finite values."""
    if blob is None:
        yield "no blob"
        return
    arrays, wanted = arrays_of(blob), shapes()
    body = {name for name in wanted if not name.startswith("fc.")}
    if arrays.keys() not in (wanted.keys(), body):  # a damaged name may cost the classifier
        yield "other tensors"
    for name, array in arrays.items():
        if array.shape != wanted.get(name) or not np.isfinite(array).all():
            yield f"tensor {name}"


class Checker:
    def __init__(self, worker, binaries, folder):
        self.worker = worker
        self.importer = binaries / "import_weights"
        self.inspector = binaries / "inspect_weights"
        self.folder = folder
        self.path = folder / "input.pth"
        self.marker = folder / "marker"
        self.tracer = shutil.which("strace") is not None
        self.bad, self.worst, self.slowest = 0, 0, 0.0

    def run(self, program, option, traced=False):
        """One run of `program` on the input, in an empty folder, and what it left there."""
        out, log = self.folder / "out", self.folder / "trace"
        out.mkdir()
        command = [program, self.path, option, out / "blob.safetensors"]
        if traced:
            command = [*TRACE, "-o", log, *command]
        status, peak, seconds = self.worker.apply(execute, (command, self.folder))
        blob = content_of(out)
        shutil.rmtree(out)
        return Run(status, (self.folder / "err").read_text(errors="replace"), peak, seconds, blob,
                   log.read_text(errors="replace") if traced else "", self.path)

    def report(self, name, result, faults):
        self.worst = max(self.worst, result.peak - self.path.stat().st_size)
        self.slowest = max(self.slowest, result.seconds)
        faults = list(faults)
        if self.marker.exists():
            faults.append("CODE WAS RUN")
            self.marker.unlink()
        for fault in faults:
            print(f"BAD  {name}: {fault}", flush=True)
        self.bad += bool(faults)

    def refused(self, name, image, shown=False):
        """import_weights must refuse it; inspect_weights may only where it is no state dict."""
        self.path.write_bytes(image)
        result = self.run(self.importer, "-o", self.tracer)
        self.report(name, result, refusal_faults(result, len(image)))
        if shown:
            print(f"     {name}: {result.error.strip().split('input.pth', 1)[-1][:160]}")
        result = self.run(self.inspector, "--dump")
        if result.status != 0:
            self.report(f"{name} (inspect)", result, refusal_faults(result, len(image)))
        elif result.peak > len(image) + BEYOND_FILE or result.seconds > SECONDS:
            self.report(f"{name} (inspect)", result, ["memory or time"])

    def flipped(self, name, image):
        """Imports a file that may be sound; the blob's tensors, or nothing where it is refused."""
        self.path.write_bytes(image)
        result = self.run(self.importer, "-o")
        accepted = result.status == 0
        self.report(name, result, blob_faults(result.blob) if accepted and not result.error
                    else refusal_faults(result, len(image)))
        return arrays_of(result.blob) if accepted and result.blob else None


def structure_of(image, arrays):
    """Positions outside the large tensors: pickles, headers, counts, sums."""
    free = np.ones(len(image), bool)
    for value in arrays.values():
        at = image.find(value.tobytes()) if value.nbytes >= 512 else -1
        if at >= 0:
            free[at:at + value.nbytes] = False
    return np.flatnonzero(free)


def check_flips(checker, files, tensors, count):
    """Half of the flips outside of the large tensors, half anywhere."""
    chance = random.Random(20260101)
    for form, image in files.items():
        structure, damaged, refusals = structure_of(image, tensors[form]), bytearray(image), 0
        share = -(-count // len(files))
        for i in range(share):
            at = int(chance.choice(structure)) if i % 2 else chance.randrange(len(image))
            flip = 1 << chance.randrange(8) if i % 4 < 2 else chance.randrange(1, 256)
            damaged[at] ^= flip
            refusals += not checker.flipped(f"byte {at} ^ {flip:#x}, {form}", damaged)
            damaged[at] ^= flip
        print(f"{form}: {share} flips, {refusals} refused, {share - refusals} complete blobs",
              flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, default=HERE.parent.parent / "bin")
    parser.add_argument("--flips", type=int, default=10000)
    parser.add_argument("--only", choices=("hostile", "cuts", "flips"))
    parser.add_argument("--show", action="store_true", help="print why hostile files are refused")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    options = parser.parse_args()

    worker = multiprocessing.get_context("fork").Pool(1)
    arrays = resnet18_arrays()
    files = resnet18(arrays) | {path.name: path.read_bytes() for path in options.files}
    with tempfile.TemporaryDirectory() as name:
        checker = Checker(worker, options.bin.resolve(), pathlib.Path(name))
        tensors = {form: checker.flipped(form, image) for form, image in files.items()}
        if not all(tensors.values()):
            sys.exit("a file was refused before anything was done to it")
        if options.only in (None, "hostile"):
            count = 0
            for case, image in all_cases(checker.marker, arrays):
                checker.refused(case, image, options.show)
                count += 1
            print(f"{count} hostile files, strace {'on' if checker.tracer else 'NOT FOUND'}")
        if options.only in (None, "cuts"):
            for form, image in files.items():
                for part in range(64):
                    checker.refused(f"{form} cut at {part}/64", image[:len(image) * part // 64])
                print(f"{form}: cut at every 64th", flush=True)
        if options.only in (None, "flips"):
            check_flips(checker, files, tensors, options.flips)
        print(f"at most {checker.worst >> 20} MiB beside the file, at most {checker.slowest:.1f} s")
    print("all as they must be" if not checker.bad else f"{checker.bad} are not")
    return int(bool(checker.bad))


if __name__ == "__main__":
    sys.exit(main())

"""Importing one 46.8 MB zip .pth as a whole process: bin/import_weights against Python with
torch.load and safetensors' save_file, run in turns.

usage: import_time.py [--bin FOLDER] [--weights FILE] [--runs N] [-o OUT.json]

--weights is a safetensors file of a ResNet18; without it the weights are in closed form. Needs
torch, safetensors and NumPy. Prints medians of wall time and peak resident memory and writes them
as JSON; ends with 1 where the blobs differ or Python needs less of either.
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAKE = """
import sys, torch
sys.path.insert(0, sys.argv[1])
from torch_files import make_state
from safetensors.torch import load_file
state = load_file(sys.argv[3]) if sys.argv[3] else make_state(None)
torch.save(state, sys.argv[2])
"""
LOAD = """
import sys, torch
from safetensors.torch import save_file
save_file(torch.load(sys.argv[1]), sys.argv[2])
"""
SAME = """
import sys, torch
from safetensors.torch import load_file
a, b = load_file(sys.argv[1]), load_file(sys.argv[2])
counter = "num_batches_tracked"
sys.exit(not all(n.endswith(counter) or torch.equal(a[n], b[n]) for n in a.keys() | b.keys()))
"""


def execute(command):
    """Wall seconds and peak resident bytes. A process inherits the peak of the one that starts it:
    this runs in a worker that is forked while there is little in memory."""
    begin = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{command[0]} ended with status {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - begin, usage.ru_maxrss * 1024


def cpu_model():
    for line in open("/proc/cpuinfo", encoding="utf-8"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def summary(runs):
    seconds, memory = zip(*runs)
    return {"wall_s": statistics.median(seconds), "wall_s_min": min(seconds),
            "wall_s_max": max(seconds), "peak_mib": statistics.median(memory) / 2**20}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "bin")
    parser.add_argument("--weights", default="")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("-o", "--output", type=pathlib.Path,
                        default=ROOT / "bench/results/import_time.json")
    options = parser.parse_args()
    worker = multiprocessing.get_context("fork").Pool(1)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        source, ours, theirs = (folder / file for file in ("in.pth", "ours.safetensors",
                                                            "theirs.safetensors"))
        subprocess.run([sys.executable, "-c", MAKE, ROOT / "tests/golden", source,
                        options.weights], check=True)
        commands = {"import_weights": [options.bin / "import_weights", source, "-o", ours],
                    "python": [sys.executable, "-c", LOAD, source, theirs]}
        runs = {who: [] for who in commands}
        for number in range(options.runs + 1):
            for who, command in commands.items():
                result = worker.apply(execute, (command,))
                if number > 0:  # the first fills the page cache
                    runs[who].append(result)
        same = subprocess.run([sys.executable, "-c", SAME, ours, theirs]).returncode == 0
        size = source.stat().st_size
    describe = ["git", "-C", ROOT, "describe", "--always", "--dirty", "--abbrev=12"]
    report = {
        "commit": subprocess.run(describe, capture_output=True, text=True).stdout.strip(),
        "cpu": cpu_model(), "cores": os.cpu_count(), "file_bytes": size, "runs": options.runs,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in ("torch", "safetensors", "numpy")},
        "tensors_equal": same, **{who: summary(results) for who, results in runs.items()}}
    options.output.write_text(json.dumps(report, indent=2) + "\n")
    for who in commands:
        print(f"{who:15} {report[who]['wall_s']:.3f} s, {report[who]['peak_mib']:.0f} MiB")
    better = all(report["import_weights"][key] < report["python"][key]
                 for key in ("wall_s", "peak_mib"))
    return int(not (same and better))


if __name__ == "__main__":
    sys.exit(main())

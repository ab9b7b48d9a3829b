"""What both sides of a comparison run under, and what they say they run on."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# What holds either side, and the libraries below it, to one instruction level.
LEVELS = {"native": {},
          "avx2": {"FROST_ISA": "avx2", "ATEN_CPU_CAPABILITY": "avx2",
                   "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}}


def add_options(parser):
    parser.add_argument("--isa", choices=list(LEVELS), default="native",
                        help="instruction level of both sides")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--python", default=sys.executable, help="a Python with torch")
    parser.add_argument("--busy", action="store_true",
                        help="waiting threads sleep: for a machine that other programs use")


def environment(options):
    """No level but the one asked for, whatever the caller's shell holds.

    Waiting threads spin for a while, OpenMP's default: where they sleep, small operations cost
    either side 20 to 60 % more on an idle machine. Where the cores are not free, spinning costs
    more than that by far.
    """
    levels = {name for level in LEVELS.values() for name in level}
    kept = {k: v for k, v in os.environ.items() if k not in levels | {"OMP_WAIT_POLICY"}}
    wait = {"OMP_WAIT_POLICY": "passive"} if options.busy else {}
    return kept | {"OMP_NUM_THREADS": str(options.threads)} | wait | LEVELS[options.isa]


def run(command, options, **more):
    """Runs one side and returns what it printed; its last words where it fails."""
    command = [str(word) for word in command]
    result = subprocess.run(command, env=environment(options) | more, capture_output=True,
                            text=True)
    if result.returncode != 0:
        words = (result.stderr.strip() or result.stdout.strip()).splitlines()
        sys.exit(f"{' '.join(command)}\nfailed: {words[-1] if words else result.returncode}")
    return result.stdout


def pytorch_report(options):
    """Versions, and which instructions ATen, oneDNN and MKL say they use."""
    text = run([options.python, ROOT / "bench/pytorch/report.py"], options,
               ONEDNN_VERBOSE="profile_exec", MKL_VERBOSE="1")
    lines = text.splitlines()
    report = json.loads(lines[-1])
    said = lambda start: next((x[len(start):] for x in lines if x.startswith(start)), None)
    report["onednn"] = said("onednn_verbose,v1,info,")
    report["onednn_isa"] = said("onednn_verbose,v1,info,cpu,isa:")
    report["mkl"] = said("MKL_VERBOSE ")
    if options.isa == "avx2":
        used = [report["capability"], report["onednn_isa"], report["mkl"]]
        if used[0] != "AVX2" or any("AVX-512" in str(words) for words in used):
            sys.exit(f"PyTorch does not keep to AVX2: {used}")
    return report


def check_frostline(description, options):
    """Our side names its level in the description of the device."""
    if options.isa == "avx2" and "avx2" not in description.lower().replace("-", ""):
        sys.exit(f"Frostline does not keep to AVX2: {description}")


def commit():
    packed = ROOT / "COMMIT"  # of tools/gpu_pack.sh
    if packed.exists():
        return packed.read_text().strip()
    git = lambda *words: subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True,
                                        text=True).stdout.strip()
    changed = git("status", "--short", "--untracked-files=no")
    return git("rev-parse", "--short=12", "HEAD") + ("-dirty" if changed else "")


def conditions(options):
    """The head of a result: what it was measured on and under."""
    load = os.getloadavg()[0]
    if load > 0.5:
        hint = "" if options.busy else ", and with --busy only"
        print(f"load average {load:.1f}: other programs run here, trust ratios only{hint}")
    report = pytorch_report(options)
    return {"commit": commit(), "cpu": report.pop("cpu"), "isa": options.isa,
            "openblas_coretype": os.environ.get("OPENBLAS_CORETYPE", "unset"),
            "waiting_threads": "sleep" if options.busy else "spin",
            "load_before": load, "threads": options.threads, "pytorch_reports": report}

"""Seconds per seed of PPO on the reference environments: bin/train against PyTorch, alternately.

Every round trains one seed of each environment three times: by Frostline on one thread, by
bench/pytorch/reference.py on one thread, and by the same at PyTorch's own number of threads.
Frostline's seconds are those of the whole process, run folder included; PyTorch's begin after its
imports. CPU seconds, of both sides the whole process's, tell more where other programs run.
"""

import argparse
import csv
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from compare import ROOT, commit

# What bench/pytorch/reference.py is told so that it does what the configuration says.
PENDULUM = ("--rollout 1024 --minibatches 64 --epochs 10 --lr 1e-3 --no-anneal --gamma 0.9 "
            "--no-clip-values --entropy 0 --value-weight 1").split()
PEERS = {"cartpole": ["--env", "CartPole-v1"], "acrobot": ["--env", "Acrobot-v1"],
         "mountain_car": ["--env", "MountainCar-v0"],
         "pendulum": ["--env", "Pendulum-v1"] + PENDULUM}


def cpu_seconds(command):
    """Runs one side to its end; its last words where it fails."""
    spent = lambda: sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    before = spent()
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                            env=os.environ | {"OMP_WAIT_POLICY": "passive"})
    if result.returncode != 0:
        words = (result.stderr.strip() or result.stdout.strip()).splitlines()
        sys.exit(f"{' '.join(map(str, command))}\nfailed: {words[-1] if words else 'silently'}")
    return spent() - before


def last_returns(folder, count=100):
    with open(folder / "episodes.csv") as file:
        returns = [float(row["return"]) for row in csv.DictReader(file)]
    return statistics.mean(returns[-count:])


def frostline(options, name, seed, folder):
    run = folder / "run"
    begin = time.perf_counter()
    spent = cpu_seconds([options.frostline, ROOT / f"configs/reference/{name}.yaml", "--seed", seed,
                         "--quiet", "--threads", 1, "--out", run,
                         "--set", f"algorithm.total_steps={options.steps}"])
    seconds = time.perf_counter() - begin
    return {"seconds": seconds, "cpu_seconds": spent, "last_100_return": last_returns(run)}


def pytorch(options, name, seed, folder, threads):
    result = folder / "pytorch.json"
    spent = cpu_seconds([options.python, ROOT / "bench/pytorch/reference.py", "--seed", seed,
                         "--steps", options.steps, "--threads", threads, "--json", result] +
                        PEERS[name])
    return json.loads(result.read_text()) | {"cpu_seconds": spent}


def measure(options):
    sides = {"frostline": frostline,
             "pytorch_one_thread": lambda *a: pytorch(*a, threads=1),
             "pytorch_default": lambda *a: pytorch(*a, threads=0)}
    results = {name: {side: [] for side in sides} for name in options.environments}
    for seed in range(1, options.seeds + 1):
        order = list(sides) if seed % 2 else list(reversed(sides))
        for name in options.environments:
            for side in order:
                with tempfile.TemporaryDirectory() as folder:
                    results[name][side].append(sides[side](options, name, seed, Path(folder)))
            now = {side: rows[-1]["seconds"] for side, rows in results[name].items()}
            print(f"seed {seed} {name}: " +
                  ", ".join(f"{side} {s:.1f} s" for side, s in now.items()), flush=True)
    return results


def summary(name, sides):
    middle = lambda what: {side: statistics.median(row[what] for row in rows)
                           for side, rows in sides.items()}
    returns = {side: statistics.mean(row["last_100_return"] for row in rows)
               for side, rows in sides.items()}
    ratios = {what: {side: statistics.median(theirs[what] / ours[what]
                                             for ours, theirs in zip(sides["frostline"], rows))
                     for side, rows in sides.items() if side != "frostline"}
              for what in ("seconds", "cpu_seconds")}
    return {"environment": name, "seconds_per_seed": middle("seconds"),
            "cpu_seconds_per_seed": middle("cpu_seconds"), "times_faster": ratios["seconds"],
            "times_less_cpu": ratios["cpu_seconds"], "last_100_return": returns, "seeds": sides}


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--environments", type=lambda text: text.split(","), default=list(PEERS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=500_000)
    parser.add_argument("--frostline", default=ROOT / "bin/train", help="our binary")
    parser.add_argument("--python", default=sys.executable,
                        help="a Python with torch and gymnasium")
    parser.add_argument("--json", type=Path, default=ROOT / "bench/results/reference_cpu.json")
    return parser.parse_args()


def main():
    options = parse_options()
    load, measured = os.getloadavg()[0], commit()
    if load > 0.5:
        print(f"load average {load:.1f}: other programs run here, trust ratios only")
    results = measure(options)
    rows = [summary(name, sides) for name, sides in results.items()]
    for row in rows:
        seconds, ratios = row["seconds_per_seed"], row["times_faster"]
        print(f"{row['environment']:<14}{seconds['frostline']:>8.1f} s" +
              "".join(f"{seconds[side]:>9.1f} s ({ratio:.1f}x)" for side, ratio in ratios.items()))
    head = next(iter(results.values()))["pytorch_default"][0]
    options.json.write_text(json.dumps(
        {"commit": measured, "machine": platform.platform(), "load_before": load,
         "steps": options.steps, "torch": head["torch"], "gymnasium": head["gymnasium"],
         "pytorch_default_threads": head["threads"], "environments": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()

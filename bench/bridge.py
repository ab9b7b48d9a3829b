"""What a step of a Python environment costs beside the environment: bin/bridge on trivial ones.

usage: bridge.py [--bin FOLDER] [--python PYTHON] [--rounds N] [--json FILE]

In every round each case runs once; medians over the rounds are printed. A case steps environments
that do nothing: alone, or as a vector environment (docs/gymnasium.md) in every worker.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

CASES = [(form, workers, count) for form in ("Still", "StillVector")
         for workers, count in ((2, 8), (8, 8), (8, 64))]
STEPS_OF_ALL = 40_000  # of all environments together


class Discrete:
    n, start = 2, 0


class Box:
    low, high, shape, dtype = -1.0, 1.0, (4,), "float32"


class Still:
    """Shows the same four numbers for ever."""

    observation_space, action_space, spec, metadata = Box(), Discrete(), None, {}
    state = [0.0, 0.25, 0.5, 0.75]

    def reset(self, *, seed=None, options=None):
        return self.state, {}

    def step(self, action):
        return self.state, 1.0, False, False, {}


class StillVector:
    single_observation_space, single_action_space, spec = Box(), Discrete(), None
    metadata = {"autoreset_mode": "Disabled"}

    def __init__(self, num_envs):
        self.num_envs = num_envs
        self.result = ([Still.state] * num_envs, [1.0] * num_envs, [False] * num_envs,
                       [False] * num_envs, {})

    def reset(self, *, seed=None, options=None):
        return self.result[0], {}

    def step(self, actions):
        return self.result

    def close(self):
        pass


def alone():
    """Microseconds of a step of the environment itself, called in a loop."""
    env, count = Still(), 200_000
    begin = time.perf_counter()
    for _ in range(count):
        env.step(0)
    return 1e6 * (time.perf_counter() - begin) / count


def measured(options, form, workers, count):
    command = [os.path.join(options.bin, "bridge"), f"python:{os.path.abspath(__file__)}:{form}",
               workers, count, STEPS_OF_ALL // count, options.python]
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(result.stderr.strip() or f"{command[0]} ended with status {result.returncode}")
    return json.loads(result.stdout)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(os.sched_getaffinity(0))} CPUs available"


def main():
    from environment import ROOT, commit

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default=str(ROOT / "bin"))
    parser.add_argument("--python", default=sys.executable, help="that runs the environments")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", help="file for the result")
    options = parser.parse_args()

    load = os.getloadavg()[0]
    rounds = [{case: measured(options, *case) for case in CASES} for _ in range(options.rounds)]
    version = subprocess.run([options.python, "-c", "import sys; print(sys.version.split()[0])"],
                             capture_output=True, text=True, check=True).stdout.strip()
    report = {"commit": commit(), "machine": machine(), "python": version, "load_before": load,
              "load_after": os.getloadavg()[0], "environment_alone_us": round(alone(), 3),
              "cases": []}
    print(f"{report['machine']}, Python {version}, load average {load:.1f} before, "
          f"{report['load_after']:.1f} after\n\n"
          "| environments | workers | wall time per environment step | CPU time |\n"
          "|---|---|---|---|")
    for case in CASES:
        form, workers, count = case
        entry = {"form": form, "workers": workers, "environments": count}
        for key in ("wall_us", "cpu_us"):
            entry[key] = [done[case][key] for done in rounds]
            entry[f"median_{key}"] = statistics.median(entry[key])
        report["cases"].append(entry)
        print(f"| {count}{' in vectors' if form == 'StillVector' else ''} | {workers} | "
              f"{entry['median_wall_us']:.1f} us | {entry['median_cpu_us']:.1f} us |")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()

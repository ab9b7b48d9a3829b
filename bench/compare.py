"""Frostline against PyTorch on one machine: the same recorded workload, alternately, in one go.

For every observation and freeze mode and in every round, bin/bench_freeze and
bench/pytorch/bench_freeze.py each do one update. A ratio is the median over the rounds of the
ratios within a round, so that a machine that changes its speed slows down both sides of it.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path

from environment import ROOT, add_options, check_frostline, conditions, run

RATES = ("collect", "update", "overall")


class Sides:
    """How either side is called for one observation, mode and round."""

    def __init__(self, options, workload, folder):
        self.options, self.workload, self.json = options, workload, Path(folder) / "side.json"

    def frostline(self, observation, mode):
        o = self.options
        command = [o.frostline, *o.config, "--observation", observation, "--modes", mode,
                   "--steps", o.steps, "--repetitions", 1, "--device", o.device,
                   "--threads", o.threads, "--quiet", "--json", self.json]
        command += ["--set", f"actor_critic.backbone.architecture={o.architecture}", "--set",
                    f"actor_critic.weights_path={o.weights}" if o.weights else
                    "actor_critic.pretrained_weights=random"]
        if o.precision != "fp32":
            command += ["--set", f"system.precision={o.precision}"]
        return self.result(command)

    def pytorch(self, observation, mode):
        o = self.options
        command = [o.python, ROOT / "bench/pytorch/bench_freeze.py", "--observation", observation,
                   "--modes", mode, "--forms", ",".join(o.forms), "--repetitions", 1,
                   "--workload", self.workload, "--threads", o.threads, "--device", o.device,
                   "--precision", o.precision, "--architecture", o.architecture,
                   "--json", self.json]
        command += ["--weights", o.weights] if o.weights else []
        return self.result(command)

    def result(self, command):
        run(command, self.options)
        return json.loads(self.json.read_text())


class Case:
    """One observation and mode: what each side did, round by round."""

    def __init__(self, observation, mode):
        self.observation, self.mode = observation, mode
        self.frostline, self.pytorch = [], {}

    def measure(self, sides, frostline_first, heads):
        for frostline in (frostline_first, not frostline_first):
            side = sides.frostline if frostline else sides.pytorch
            result = side(self.observation, self.mode)
            rows = result.pop("rows")
            heads["frostline" if frostline else "pytorch"] = result
            if frostline:
                check_frostline(result["device"], sides.options)
                self.frostline.append(rows[0])
                continue
            for row in rows:
                self.pytorch.setdefault(row["form"], []).append(row)
        self.check_parameters()

    def check_parameters(self):
        """Both sides train equally many, or they are different networks."""
        ours = self.frostline[-1]["trainable"]
        for form, rows in self.pytorch.items():
            if rows[-1].get("trainable", ours) != ours:
                sys.exit(f"{self.observation} {self.mode}: {ours} trainable parameters, and in "
                         f"PyTorch's {form} {rows[-1]['trainable']}")

    def forms(self):
        """The forms that ran in every round."""
        return [f for f, rows in self.pytorch.items() if not any("failed" in r for r in rows)]

    def best(self):
        """The fastest form that keeps no features, where one ran."""
        forms = [form for form in self.forms() if form != "kept"] or self.forms()
        return max(forms, key=lambda form: median(self.pytorch[form], "overall"))

    def ratio(self, form, rate):
        ratios = [ours["steps_per_second"][rate] / theirs["steps_per_second"][rate]
                  for ours, theirs in zip(self.frostline, self.pytorch[form])]
        return {"median": statistics.median(ratios), "range": [min(ratios), max(ratios)]}

    def summary(self):
        best = self.best()
        return {
            "observation": self.observation,
            "mode": self.mode,
            "frostline": {rate: median(self.frostline, rate) for rate in RATES},
            "pytorch": {form: {rate: median(self.pytorch[form], rate) for rate in RATES}
                        for form in self.forms()},
            "failed": {f: next(r["failed"] for r in rows if "failed" in r)
                       for f, rows in self.pytorch.items() if f not in self.forms()},
            "best": best,
            "saved_body_bytes": {"frostline": self.frostline[0]["saved_body"]} |
                                {f: self.pytorch[f][0]["saved_body_bytes"] for f in self.forms()},
            "ratio": {name: {rate: self.ratio(form, rate) for rate in RATES}
                      for name, form in [*((f, f) for f in self.forms()), ("best", best)]},
            "rounds": {"frostline": self.frostline, "pytorch": self.pytorch},
        }


def median(rows, rate):
    return statistics.median(row["steps_per_second"][rate] for row in rows)


def compare(options, workload, folder):
    sides, heads = Sides(options, workload, folder), {}
    cases = [Case(o, m) for o in options.observation for m in options.modes]
    for i in range(options.repetitions):
        for case in cases:
            case.measure(sides, i % 2 == 0, heads)
            rates = {"frostline": case.frostline[-1]} | {f: case.pytorch[f][-1]
                                                         for f in case.forms()}
            print(f"{i + 1}/{options.repetitions} {case.observation} {case.mode}: " +
                  ", ".join(f"{name} {row['steps_per_second']['overall']:.1f}"
                            for name, row in rates.items()) + " steps/s", flush=True)
    return [case.summary() for case in cases], heads


def saved_ratio(case):
    """What our body keeps for the backward pass over what eager's keeps."""
    saved = case["saved_body_bytes"]
    return f"{saved['frostline'] / saved['eager']:.3f}" if saved.get("eager") else "-"


def table(cases):
    lines = [f"{'':<20}{'steps/s overall':^45}{'ratio overall':^22}{'ratio update':^22}"
             f"{'saved':>10}",
             f"{'':<20}{'Frostline':>10}{'eager':>10}{'best':>10} {'(form)':<14}"
             f"{'/ eager':>11}{'/ best':>11}{'/ eager':>11}{'/ best':>11}{'/ eager':>10}"]
    for case in cases:
        rates = [case["frostline"]["overall"],
                 case["pytorch"].get("eager", {}).get("overall", float("nan")),
                 case["pytorch"][case["best"]]["overall"]]
        ratios = [case["ratio"].get(name, {}).get(rate, {}).get("median", float("nan"))
                  for rate in ("overall", "update") for name in ("eager", "best")]
        lines.append(f"{case['observation']:<6}{case['mode']:<14}" +
                     "".join(f"{rate:>10.1f}" for rate in rates) + f" {case['best']:<14}" +
                     "".join(f"{ratio:>10.2f}x" for ratio in ratios) +
                     f"{saved_ratio(case):>10}")
        each = [f"{form} {case['ratio'][form]['overall']['median']:.2f}x"
                for form in case["pytorch"]]
        lines.append(f"  overall / {', '.join(each)}")
        lines += [f"  {form} failed: {why}" for form, why in case["failed"].items()]
    return "\n".join(lines)


def workload_file(options, folder):
    """The recording both sides replay; a synthetic one has the same shapes for PyTorch alone."""
    path = Path(folder) / "workload.safetensors"
    if options.workload:
        return options.workload
    if options.synthetic:
        code = "import sys, workload; workload.write_synthetic(sys.argv[1], int(sys.argv[2]))"
        run(["env", f"PYTHONPATH={ROOT / 'bench/pytorch'}", options.python, "-c", code, path,
             options.steps], options)
    else:
        run([options.frostline, *options.config, "--steps", options.steps, "--record", path],
            options)
    return path


def default_weights(architecture):
    data = Path(os.environ.get("FROST_DATA", "."))
    places = [ROOT / f"weights/{architecture}.safetensors",
              data / f"weights/{architecture}_imagenet.safetensors"]
    return next((path for path in places if path.exists()), None)


def parse_options():
    words = lambda text: text.split(",")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--modes", type=words, help="comma-separated",
                        default=["none", "all", "until_layer3", "layer4.1", "bn_affine"])
    parser.add_argument("--observation", type=words,
                        help="default: graph,image; with --config image")
    parser.add_argument("--config", type=Path, help="of bench_freeze: any environment that shows "
                        "pictures (default: the colony)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="of bench_freeze: a key of the configuration, repeatable")
    parser.add_argument("--forms", type=words, help="of PyTorch",
                        default=["eager", "tuned", "folded", "compiled", "kept"])
    parser.add_argument("--steps", type=int, default=512, help="transitions of one update")
    parser.add_argument("--repetitions", type=int, default=3, help="rounds")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["fp32", "tf32", "bf16"], default="fp32")
    parser.add_argument("--frostline", default=ROOT / "bin/bench_freeze", help="our binary")
    parser.add_argument("--architecture", choices=["resnet18", "resnet34", "resnet50"],
                        default="resnet18", help="of both bodies")
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument("--weights", type=Path,
                         help="safetensors of it (default: as every program finds them)")
    weights.add_argument("--random", action="store_true", help="bodies without weights of a file")
    parser.add_argument("--workload", help="file of bench_freeze --record (default: made now)")
    parser.add_argument("--synthetic", action="store_true", help="PyTorch on made-up states")
    parser.add_argument("--json", default=ROOT / "bench/results/pytorch.json")
    options = parser.parse_args()
    options.observation = options.observation or (["image"] if options.config
                                                  else ["graph", "image"])
    options.config = [options.config] if options.config else []
    options.config += [word for pair in options.set for word in ("--set", pair)]
    if options.random:
        options.weights = None
        return options
    options.weights = options.weights or default_weights(options.architecture)
    if options.weights is None:
        parser.error(f"no {options.architecture} weights found: name a file with --weights, set "
                     "FROST_DATA, or say --random")
    return options


def main():
    options = parse_options()
    head = conditions(options) | {"machine": platform.platform(), "steps": options.steps,
                                  "architecture": options.architecture,
                                  "config": " ".join(map(str, options.config)),
                                  "repetitions": options.repetitions}
    with tempfile.TemporaryDirectory() as folder:
        workload = workload_file(options, folder)
        cases, heads = compare(options, workload, folder)
    print(f"\n{table(cases)}")
    result = head | heads | {"cases": cases}
    Path(options.json).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

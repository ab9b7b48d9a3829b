"""Single convolutions, matrix products and a whole ResNet forward against PyTorch, or oneDNN alone.

In every round bin/roofline and bench/pytorch/bench_layers.py run the same cases, alternately. A
ratio is theirs / ours, above 1 where Frostline is faster: the median over the rounds of the ratios
of medians within a round. With --onednn their time is what PyTorch's oneDNN says of its own
primitive, so without PyTorch and without a reordering of weights or pictures.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

from environment import ROOT, add_options, check_frostline, conditions, run

DIRECTIONS = ("forward", "data", "weight")
PRIMITIVES = ("convolution", "inner_product", "matmul")


def own_times(result):
    """Case -> what roofline measured; the names are those of bench_layers.py."""
    times = {}
    for row in result.get("layers", []):
        for direction in DIRECTIONS:
            name = f"{row['pixels']} {row['layer']} {direction}"
            times[name] = row[direction] | {"count": row["count"], "algorithm": row["algorithm"],
                                            "group": f"{row['pixels']} pixels {direction}"}
    for row in result.get("products", []):
        times[row["product"]] = row["time"] | {"group": "products"}
    for row in result.get("forward", []):
        times[f"{row['pixels']} batch {row['batch']}"] = row["time"] | {"group": "forward"}
    return times


def primitive_times(text):
    """Case -> form -> median seconds of its oneDNN primitives, the first one apart.

    The reordering before a primitive counts in the form `packs` alone.
    """
    times, name, form, packing = {}, "", "", 0.0
    for line in text.splitlines():
        if line.startswith("@"):
            (name, form), packing = line[1:].rsplit("@", 1), 0.0
        fields = line.split(",")
        if fields[:4] != ["onednn_verbose", "v1", "primitive", "exec"]:
            continue
        seconds = float(fields[-1]) * 1e-3
        if fields[5] == "reorder" and form == "packs":
            packing += seconds
        if fields[5] in PRIMITIVES:
            times.setdefault(name, {}).setdefault(form, []).append(packing + seconds)
            packing = 0.0
    return {name: {form: statistics.median(values[1:]) for form, values in forms.items()
                   if len(values) > 1} for name, forms in times.items()}


class Part:
    """One group of cases: what each side took, round by round."""

    def __init__(self, title, arguments, options, folder):
        self.title, self.arguments, self.options = title, arguments, options
        self.cases, self.json = Path(folder) / f"{title}.json", Path(folder) / "theirs.json"
        self.machine, self.ours, self.theirs = {}, [], []

    def run_ours(self):
        o = self.options
        run([o.roofline, *self.arguments, "--threads", o.threads, "--seconds", o.seconds,
             "--json", self.cases], o)
        result = json.loads(self.cases.read_text())
        check_frostline(result["device"], o)
        self.machine = {key: value for key, value in result.items()
                        if key != "commit" and not isinstance(value, list)}
        self.ours.append(own_times(result))

    def run_theirs(self):
        o = self.options
        command = [o.python, ROOT / "bench/pytorch/bench_layers.py", self.cases, "--threads",
                   o.threads, "--seconds", o.seconds, "--json", self.json]
        if o.onednn:
            text = run([*command, "--mark"], o, ONEDNN_VERBOSE="profile_exec")
            self.theirs.append(primitive_times(text))
        else:
            run([*command, "--forms", o.forms], o)
            self.theirs.append(json.loads(self.json.read_text()))

    def rows(self):
        return [self.row(name, first) for name, first in self.ours[0].items()
                if all(name in theirs for theirs in self.theirs)]

    def row(self, name, first):
        ours = [times[name]["median"] for times in self.ours]
        forms = {form: [times[name][form] for times in self.theirs]
                 for form in self.theirs[0][name]
                 if all(form in times[name] for times in self.theirs)}
        best = min(forms, key=lambda form: statistics.median(forms[form]))
        ratios = [theirs / own for theirs, own in zip(forms[best], ours)]
        shares = {key: statistics.median(times[name][key] for times in self.ours)
                  for key in ("of_peak", "of_floor") if key in first}
        return {"name": name} | {key: first[key] for key in ("group", "count", "algorithm")
                                 if key in first} | shares | {
            "ours": statistics.median(ours), "best": best,
            "theirs": {form: statistics.median(times) for form, times in forms.items()},
            "ratio": {"median": statistics.median(ratios), "range": [min(ratios), max(ratios)]},
            "rounds": {"ours": ours, "theirs": forms}}


def parts_of(options, folder):
    # Rounds by the size of the picture keep both sides close in time.
    layers = [Part(f"{pixels} pixels", ["--network", options.network, "--pixels", pixels] +
                   (["--batch", options.batch] if options.batch else []) +
                   (["--renew"] if options.renew else []), options, folder)
              for pixels in options.pixels]
    known = {"layers": layers, "gemm": [Part("products", ["--gemm"], options, folder)],
             "forward": [Part("forward", ["--forward", "--network", options.network], options,
                              folder)]}
    return [part for name in options.parts for part in known[name]]


def measure(options, folder):
    parts = parts_of(options, folder)
    for i in range(options.rounds):
        for part in parts:
            # The first round needs ours first: it writes the cases.
            sides = [part.run_ours, part.run_theirs]
            for side in sides if i % 2 == 0 else reversed(sides):
                side()
            print(f"{i + 1}/{options.rounds} {part.title}", flush=True)
    return [row for part in parts for row in part.rows()], parts[0].machine


def totals(rows):
    """Time of a whole network's layers, each as often as it occurs, by group."""
    sums = {}
    for row in rows:
        if "count" in row:
            sums.setdefault(row["group"], [0.0, 0.0])
            sums[row["group"]][0] += row["count"] * row["ours"]
            sums[row["group"]][1] += row["count"] * row["theirs"][row["best"]]
    return {group: {"ours": ours, "theirs": theirs, "ratio": theirs / ours}
            for group, (ours, theirs) in sums.items()}


def table(rows, options):
    peer = "oneDNN" if options.onednn else "PyTorch"
    lines = [f"\n{'ms':<46}{'Frostline':>10}{'of peak':>9}{peer:>10} {'(form)':<15}"
             f"{'ratio':>7}  range"]
    for row in rows:
        ratio = row["ratio"]
        of_peak = f"{row['of_peak']:.0%}" if "of_peak" in row else "-"
        lines.append(f"{row['name']:<46}{1e3 * row['ours']:>10.3f}{of_peak:>9}"
                     f"{1e3 * row['theirs'][row['best']]:>10.3f} {row['best']:<15}"
                     f"{ratio['median']:>6.2f}x  {ratio['range'][0]:.2f}-{ratio['range'][1]:.2f}")
        for form, theirs in row["theirs"].items():
            if row["group"] == "products" and form != row["best"]:
                lines.append(f"{'':<65}{1e3 * theirs:>10.3f} {form:<15}"
                             f"{theirs / row['ours']:>6.2f}x")
    for group, sum_of in totals(rows).items():
        lines.append(f"{'network at ' + group:<46}{1e3 * sum_of['ours']:>10.2f}{'':>9}"
                     f"{1e3 * sum_of['theirs']:>10.2f} {'':<15}{sum_of['ratio']:>6.2f}x")
    behind = [row for row in rows if row["ratio"]["median"] < 0.95]
    lines.append(f"{len(behind)} of {len(rows)} are more than 5 % behind {peer}" +
                 "".join(f"\n  {row['name']}: {row['ratio']['median']:.2f}x" for row in behind))
    return "\n".join(lines)


def parse_options():
    words = lambda text: text.split(",")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--onednn", action="store_true", help="against oneDNN's own times")
    parser.add_argument("--parts", type=words, help="of layers, gemm, forward (default: all)")
    parser.add_argument("--network", type=int, choices=[18, 34, 50], default=18)
    parser.add_argument("--pixels", type=words, default=["24", "84", "224"])
    parser.add_argument("--batch", type=int, help="default: 64, and 8 above 128 pixels")
    parser.add_argument("--renew", action="store_true", help="ours packs weights at every call")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2, help="of each measurement")
    parser.add_argument("--forms", default="eager,folded,compiled",
                        help="of PyTorch's whole network")
    parser.add_argument("--roofline", default=ROOT / "bin/roofline", help="our binary")
    parser.add_argument("--json", help="default: bench/results/layers_LEVEL.json, or onednn_...")
    options = parser.parse_args()
    # oneDNN knows no whole networks.
    options.parts = options.parts or (["layers", "gemm"] if options.onednn else
                                      ["layers", "gemm", "forward"])
    if unknown := set(options.parts) - {"layers", "gemm", "forward"}:
        parser.error(f"no such part: {', '.join(unknown)}")
    if options.onednn and "forward" in options.parts:
        parser.error("oneDNN alone runs no whole network")
    peer = "onednn" if options.onednn else "layers"
    options.json = options.json or ROOT / f"bench/results/{peer}_{options.isa}.json"
    return options


def main():
    options = parse_options()
    head = conditions(options) | {"rounds": options.rounds, "seconds": options.seconds,
                                  "network": options.network, "renewed_weights": options.renew}
    with tempfile.TemporaryDirectory() as folder:
        rows, machine = measure(options, folder)
    print(table(rows, options))
    result = head | {"frostline_reports": machine, "totals": totals(rows), "rows": rows}
    Path(options.json).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""The freeze benchmark on PyTorch: PPO updates on Frostline's recorded workload.

No environment time: observations and rewards come from the file `bench_freeze --record` wrote,
whatever the actions. compare.py runs this beside Frostline's own bench_freeze.
"""

import argparse
import ctypes
import gc
import json
import os
import signal
import statistics
import tempfile
import time
from pathlib import Path

import torch
from safetensors.torch import load_file

from body import FORMS, FREEZE_MODES
from model import IMAGE_SIDE, build
from ppo import Trainer
from report import cpu_name
from workload import Workload, write_synthetic


def saved_body_bytes(body, images):
    """Bytes autograd keeps of one forward of `body`, parameters and buffers apart, per image."""
    own = {t.untyped_storage().data_ptr() for t in [*body.parameters(), *body.buffers()]}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        output = body(images)  # alive, so that no address is used twice
    del output
    return sum(kept.values()) / len(images)


def typical_images(workload, observation, form):
    """What a minibatch shows the actor's body, or a time step where features are kept."""
    if observation == "image":
        _, frames, height, width, channels = workload.pictures.shape
        count = workload.environments if form.keep else workload.minibatch * frames
        return torch.rand(count, channels, height, width, device=workload.device)
    cells = len(workload.node_features) * workload.minibatch // len(workload.rewards)
    return torch.rand(cells, 1, IMAGE_SIDE, IMAGE_SIDE, device=workload.device,
                      requires_grad=True)


def release_memory():
    """Gives freed blocks back to the system, so that no row counts those of another."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def reset_peak(device):
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5")


def peak_bytes(device):
    """Of the device's allocator, or resident on the CPU, since `reset_peak`."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


class TimeLimit:
    """Raises TimeoutError in the block after `seconds`."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __enter__(self):
        def stop(*_):
            raise TimeoutError(f"not ready after {self.seconds} s")

        signal.signal(signal.SIGALRM, stop)
        signal.alarm(self.seconds)

    def __exit__(self, *_):
        signal.alarm(0)


def measure(row, workload, weights, options):
    """One update of a fresh network after one untimed minibatch, which makes kernels ready."""
    torch.manual_seed(0)
    device, form = torch.device(options.device), FORMS[row["form"]]
    with TimeLimit(options.compile_limit if form.compile else 3600):
        network, row["trainable"] = build(workload, row["observation"], row["mode"], form, weights,
                                          options.architecture)
        trainer = Trainer(network, workload, form, options.precision == "bf16")
        for _ in range(2 if form.compile else 1):  # what is compiled settles in its second run
            trainer.update(workload.minibatch, 1)
        row["saved_body_bytes"] = saved_body_bytes(
            network.actor_body, typical_images(workload, row["observation"], form))
    reset_peak(device)
    cpu = time.process_time()
    collect, learn = trainer.update(workload.steps, workload.epochs)
    cpu = time.process_time() - cpu
    row["peak_bytes"] = peak_bytes(device)
    n = workload.steps
    row["runs"].append({"collect": n / collect, "update": n / learn,
                        "overall": n / (collect + learn), "cpu_seconds": cpu})


def try_measure(row, workload, weights, options):
    """A compiler that fails in one of its many ways costs its own row only."""
    if "failed" in row:
        return
    try:
        measure(row, workload, weights, options)
    except Exception as error:
        if not FORMS[row["form"]].compile:
            raise
        row["failed"] = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"
        torch.compiler.reset()


def summarise(row):
    if "failed" in row:
        return
    columns = {k: [run[k] for run in row["runs"]] for k in ("collect", "update", "overall")}
    row["steps_per_second"] = {k: statistics.median(v) for k, v in columns.items()}
    row["spread"] = {k: [min(v), max(v)] for k, v in columns.items()}


def bench(options, workload, weights):
    rows = [{"mode": mode, "observation": observation, "form": form, "runs": []}
            for observation in options.observation
            for mode in options.modes for form in options.forms
            if not FORMS[form].keep or (observation, mode) == ("image", "all")]
    for _ in range(options.repetitions):
        for row in rows:
            release_memory()
            try_measure(row, workload, weights, options)
    for row in rows:
        summarise(row)
        print(text_of(row), flush=True)
    return rows


def text_of(row):
    name = f"{row['observation']:<6}{row['mode']:<13}{row['form']:<9}"
    if "failed" in row:
        return f"{name} failed: {row['failed']}"
    rates, spread = row["steps_per_second"], row["spread"]
    numbers = "".join(f"  {k} {rates[k]:8.1f} ({spread[k][0]:.1f}-{spread[k][1]:.1f})"
                      for k in rates)
    return (f"{name}{numbers}  body {row['saved_body_bytes']:9.0f} B each,"
            f" peak {row['peak_bytes'] / 2**20:.0f} MiB")


def parse_options():
    names = lambda known: lambda text: [n for n in text.split(",") if n in known or
                                        parser.error(f"'{n}' is none of {', '.join(known)}")]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modes", type=names(FREEZE_MODES), default=list(FREEZE_MODES))
    parser.add_argument("--observation", type=names(["graph", "image"]),
                        default=["graph", "image"])
    parser.add_argument("--forms", type=names(FORMS), default=list(FORMS))
    parser.add_argument("--workload", help="file of bench_freeze --record (default: synthetic)")
    parser.add_argument("--steps", type=int, default=512, help="of a synthetic workload")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["fp32", "tf32", "bf16"], default="fp32",
                        help="of products: tf32 on a GPU, bf16 by autocast")
    parser.add_argument("--architecture", choices=["resnet18", "resnet34", "resnet50"],
                        default="resnet18", help="of both bodies")
    parser.add_argument("--weights", help="safetensors of it (default: random)")
    parser.add_argument("--compile-limit", type=int, default=300, help="seconds per row")
    parser.add_argument("--json", help="write the rows here")
    return parser.parse_args()


def main():
    options = parse_options()
    torch.set_num_threads(options.threads)
    tf32 = options.precision == "tf32"
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = True
    torch._dynamo.config.recompile_limit = 64
    weights = load_file(options.weights) if options.weights else None
    with tempfile.TemporaryDirectory() as folder:
        path = options.workload or os.path.join(folder, "workload.safetensors")
        if not options.workload:
            write_synthetic(path, options.steps)
        workload = Workload(path, options.device)
    if "graph" in options.observation and not workload.has_graphs:
        raise SystemExit(f"{path} holds no graphs: say --observation image")
    gpu = torch.cuda.get_device_name() if options.device == "cuda" else None
    result = {"torch": torch.__version__, "cpu": cpu_name(),
              "capability": torch.backends.cpu.get_cpu_capability(), "gpu": gpu,
              "threads": options.threads, "precision": options.precision,
              "synthetic": not options.workload,
              "workload": {"environments": workload.environments, "steps": workload.steps,
                           "epochs": workload.epochs, "minibatch": workload.minibatch},
              "rows": bench(options, workload, weights)}
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

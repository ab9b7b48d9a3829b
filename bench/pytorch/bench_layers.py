"""PyTorch on the cases of a file that bin/roofline wrote: seconds of convolutions, matrix products
and the whole ResNet.

Every case runs in several forms, among which layers.py takes the fastest. With --mark each form
prints its name before it runs, so that what oneDNN prints of its primitives can be told apart.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch

FEWEST, MOST = 5, 5000


def channels_last(tensor):
    return tensor.contiguous(memory_format=torch.channels_last)


class Clock:
    """Times a function as bin/roofline does: one call to make ready, then for some seconds."""

    def __init__(self, options):
        self.seconds, self.mark = options.seconds, options.mark

    def __call__(self, name, function):
        if self.mark:
            print(f"@{name}", flush=True)
        function()
        times, total = [], 0.0
        while len(times) < FEWEST or (total < self.seconds and len(times) < MOST):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
            total += times[-1]
        return statistics.median(times)


def convolution_forms(shape):
    """Form -> function for each direction: forward with bias and ReLU, and both gradients."""
    n, h, w, c, k = (shape[name] for name in "nhwck")
    stride, pad, one = [shape["stride"]] * 2, [shape["pad"]] * 2, [1, 1]
    weight, bias = torch.randn(k, c, shape["kh"], shape["kw"]), torch.randn(k)
    x = torch.randn(n, c, h, w)
    dy = torch.randn_like(torch.conv2d(x, weight, bias, stride, pad))
    forms = {"forward": {}, "data": {}, "weight": {}}

    def add(name, order):
        image, filters, gradient = order(x), order(weight), order(dy)
        forms["forward"][name] = lambda: torch.conv2d(image, filters, bias, stride, pad).relu_()
        for i, direction in enumerate(("data", "weight")):
            wanted = [i == 0, i == 1, False]
            forms[direction][name] = lambda wanted=wanted: torch.ops.aten.convolution_backward(
                gradient, image, filters, [k], stride, pad, one, False, [0, 0], 1, wanted)

    add("channels_last", channels_last)
    add("contiguous", torch.Tensor.contiguous)  # oneDNN then works in its own blocked layout
    # What an inductor with frozen weights calls: the weight reordered once, ReLU in the kernel.
    image = channels_last(x)
    packed = torch.ops.mkldnn._reorder_convolution_weight(weight, pad, stride, one, 1, x.shape)
    forms["forward"]["fused"] = lambda: torch.ops.mkldnn._convolution_pointwise(
        image, packed, bias, pad, stride, one, 1, "relu", [], "")
    return forms


def product_forms(case, onednn):
    """MKL's product; oneDNN's with B packed before, where B is a weight, or at every call."""
    m, n, k = (case[name] for name in "mnk")
    a, b = torch.randn(m, k), torch.randn(k, n)
    a = a.t().contiguous().t() if case["transpose_a"] else a
    b = b.t().contiguous().t() if case["transpose_b"] else b
    rows, columns = a.contiguous(), b.t().contiguous()
    packed = torch.ops.mkldnn._reorder_linear_weight(columns, m)
    linear = lambda weight: lambda: torch.ops.mkldnn._linear_pointwise(rows, weight, None, "none",
                                                                       [], "")
    forms = {} if onednn else {"mm": lambda: torch.mm(a, b)}
    if not case["transpose_a"]:
        forms["packed"] = linear(packed)
    if onednn:
        forms["packs"] = linear(columns)
    return forms


def forward_forms(case, forms):
    """torchvision's network: as it is, BatchNorm folded, and compiled with frozen weights."""
    from torch.fx.experimental.optimization import fuse
    from torchvision.models import get_model
    import torch._inductor.config as inductor
    inductor.freezing = True
    torch.manual_seed(0)
    images = channels_last(torch.randn(case["batch"], 3, case["pixels"], case["pixels"]))
    network = get_model(f"resnet{case['network']}").eval().to(memory_format=torch.channels_last)
    folded = fuse(network)
    makers = {"eager": lambda: network, "folded": lambda: folded,
              "compiled": lambda: torch.compile(network)}
    return {form: (lambda f: lambda: f(images))(makers[form]()) for form in forms}


def run(options, cases):
    clock = Clock(options)
    results = {}
    for case in cases.get("layers", []):
        for direction, forms in convolution_forms(case["shape"]).items():
            name = f"{case['pixels']} {case['layer']} {direction}"
            results[name] = {form: clock(f"{name}@{form}", f) for form, f in forms.items()}
    for case in cases.get("products", []):
        results[case["product"]] = {form: clock(f"{case['product']}@{form}", f)
                                    for form, f in product_forms(case, options.mark).items()}
    for case in cases.get("forward", []):
        name = f"{case['pixels']} batch {case['batch']}"
        results[name] = {form: clock(f"{name}@{form}", f)
                         for form, f in forward_forms(case, options.forms).items()}
    return results


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", help="JSON of bin/roofline")
    parser.add_argument("--seconds", type=float, default=0.3, help="of each measurement")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--forms", type=lambda text: text.split(","),
                        default=["eager", "folded", "compiled"], help="of the whole network")
    parser.add_argument("--mark", action="store_true", help="print what runs next")
    parser.add_argument("--json", required=True)
    return parser.parse_args()


def main():
    options = parse_options()
    torch.set_num_threads(options.threads)
    with torch.inference_mode():
        results = run(options, json.loads(Path(options.cases).read_text()))
    Path(options.json).write_text(json.dumps(results) + "\n")


if __name__ == "__main__":
    main()

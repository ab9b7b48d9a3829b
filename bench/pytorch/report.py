"""What PyTorch says of itself, as JSON, after a convolution and a product.

With ONEDNN_VERBOSE and MKL_VERBOSE set, those libraries say above it which instructions they use.
"""

import json
import platform
from pathlib import Path

import torch


def cpu_name():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def main():
    x = torch.ones(2, 16, 8, 8).contiguous(memory_format=torch.channels_last)
    torch.conv2d(x, torch.ones(16, 16, 3, 3))
    torch.mm(torch.ones(64, 64), torch.ones(64, 64))
    print(json.dumps({"torch": torch.__version__, "cpu": cpu_name(),
                      "threads": torch.get_num_threads(),
                      "capability": torch.backends.cpu.get_cpu_capability(),
                      "config": [line.strip() for line in torch.__config__.show().splitlines()
                                 if "Build settings" not in line]}))


if __name__ == "__main__":
    main()

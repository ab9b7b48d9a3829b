"""Weights in half the bytes: matrices and filters of a safetensors file as float16, the rest as it is.

usage: half_weights.py INPUT OUTPUT
"""

import array
import json
import struct
import sys


def read(path):
    """Name -> (dtype, shape, bytes)."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    header.pop("__metadata__", None)
    return {name: (t["dtype"], t["shape"], data[slice(*t["data_offsets"])])
            for name, t in header.items()}


def halve(dtype, shape, data):
    """Vectors stay: variances of a BatchNorm may be smaller than a float16 holds."""
    if dtype != "F32" or len(shape) < 2:
        return dtype, shape, data
    values = array.array("f", data)
    return "F16", shape, struct.pack(f"<{len(values)}e", *values)


def write(path, tensors):
    """A safetensors file of what read() gives, in the order of the names, data from a multiple of 8."""
    header, end = {}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + len(data)]}
        end += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, data in tensors.values():
            file.write(data)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    tensors = {name: halve(*tensor) for name, tensor in read(sys.argv[1]).items()}
    # Wide elements first, so that every tensor lies aligned.
    order = sorted(tensors, key=lambda name: tensors[name][0] == "F16")
    write(sys.argv[2], {name: tensors[name] for name in order})

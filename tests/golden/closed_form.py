"""The numbers of closed_form.h, bit for bit, in NumPy."""

import numpy as np


def fnv1a32(text):
    value = 2166136261
    for byte in text.encode():
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


def mix32(x):
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def values(name, shape, scale, offset=0.0):
    """float32: offset + scale * u, u uniform in [-1, 1) from a hash of name and flat index."""
    index = np.arange(np.prod(shape, dtype=np.int64), dtype=np.uint32)
    bits = mix32(np.uint32(fnv1a32(name)) + index * np.uint32(2654435761))
    uniform = bits.view(np.int32).astype(np.float64) / 2147483648.0
    return (offset + scale * uniform).astype(np.float32).reshape(shape)


def model_input(*shape):
    return values("input", shape, 1.5)


def cotangent(*shape):
    return values("cotangent", shape, 1.0)


def tensor(name, shape):
    """One ResNet18 tensor in torchvision's layout; the rules stand in closed_form.h."""
    if len(shape) == 4:
        return values(name, shape, np.sqrt(6.0 / (shape[1] * shape[2] * shape[3])))
    if len(shape) == 2:
        return values(name, shape, np.sqrt(3.0 / shape[1]))
    if name == "fc.bias":
        return values(name, shape, 0.1)
    if name.endswith("running_var"):
        return values(name, shape, 0.5, 1.0)
    if name.endswith(".weight"):
        return values(name, shape, 0.3125, 1.0)
    return values(name, shape, 0.2)

"""Weight files put together byte by byte, so that they can say what no writer would: the pickles
and containers of docs/weights.md. Needs NumPy only."""

import io
import json
import struct
import tarfile
import zlib

import numpy as np

COUNTER = "num_batches_tracked"
MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")


def shapes(depth=18):
    """Names and shapes of torchvision's ResNet of that depth, in its order."""
    norm = ("weight", "bias", "running_mean", "running_var")
    blocks, bottleneck = {18: ((2, 2, 2, 2), False), 34: ((3, 4, 6, 3), False),
                          50: ((3, 4, 6, 3), True)}[depth]
    found = {}

    def layer(conv, bn, out, inner, side):
        found[f"{conv}.weight"] = (out, inner, side, side)
        for part in norm:
            found[f"{bn}.{part}"] = (out,)
        found[f"{bn}.{COUNTER}"] = ()

    layer("conv1", "bn1", 64, 3, 7)
    inner = 64
    for stage, width in enumerate((64, 128, 256, 512), start=1):
        out = 4 * width if bottleneck else width
        for block in range(blocks[stage - 1]):
            name = f"layer{stage}.{block}"
            if bottleneck:
                layer(f"{name}.conv1", f"{name}.bn1", width, inner, 1)
                layer(f"{name}.conv2", f"{name}.bn2", width, width, 3)
                layer(f"{name}.conv3", f"{name}.bn3", out, width, 1)
            else:
                layer(f"{name}.conv1", f"{name}.bn1", out, inner, 3)
                layer(f"{name}.conv2", f"{name}.bn2", out, out, 3)
            if inner != out:
                layer(f"{name}.downsample.0", f"{name}.downsample.1", out, inner, 1)
            inner = out
    found["fc.weight"], found["fc.bias"] = (1000, inner), (1000,)
    return found


# Pickle of protocol 2

def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return b"X" + struct.pack("<I", len(value)) + value


def integer(value):
    return b"\x8a\x08" + struct.pack("<q", value)


def numbers(values):
    return b"(" + b"".join(map(integer, values)) + b"t"


def pickled(body):
    return b"\x80\x02" + body + b"."


def dict_of(*items):
    """A dict of (name, pickled value) pairs."""
    return b"}(" + b"".join(text(name) + value for name, value in items) + b"u"


def row_major(shape):
    return [int(np.prod(shape[k + 1:], dtype=np.int64)) for k in range(len(shape))]


def storage(key="0", numel=6, kind="FloatStorage", view=b"", location="cpu"):
    """The persistent id of a storage; `view` is the legacy stream's sixth element."""
    return (b"(" + text("storage") + b"ctorch\n" + kind.encode() + b"\n" + text(key)
            + text(location) + integer(numel) + view + b"tQ")


def tensor(source=None, offset=0, shape=(2, 3), stride=None):
    return (b"ctorch._utils\n_rebuild_tensor_v2\n(" + (source or storage()) + integer(offset)
            + numbers(shape) + numbers(row_major(shape) if stride is None else stride) + b"\x89}tR")


def system_info(protocol):
    return pickled(dict_of(("protocol_version", integer(protocol)), ("little_endian", b"\x88")))


SIX = np.arange(6, dtype="<f4").tobytes()


# Containers

def member(name, data, *, central=None, at=None, method=0, flags=0x0800, crc=None, size=None,
           local_size=None):
    """A record of `zip_file`; every keyword is a lie the central directory tells."""
    return dict(name=name.encode(), data=data, central=central or name.encode(), at=at,
                method=method, flags=flags, crc=zlib.crc32(data) if crc is None else crc,
                size=len(data) if size is None else size,
                local_size=len(data) if local_size is None else local_size)


def zip_file(members, *, end64=None, packed=False):
    """An archive; with `packed` the sizes of members of method 8 are those of their data and what
    they say. `end64` overrides fields of the zip64 end record: entries, size, begin; the
    end record refers to it for all, or with `narrow` says how it is."""
    body, directory = b"", b""
    for m in members:
        at = len(body) if m["at"] is None else m["at"]
        if m["at"] is None:
            body += struct.pack("<4s5H3I2H", b"PK\3\4", 0, m["flags"], m["method"], 0, 0, m["crc"],
                                m["local_size"],
                                m["size"] if packed else m["local_size"], len(m["name"]), 0)
            body += m["name"] + m["data"]
        directory += struct.pack("<4s6H3I5H2I", b"PK\1\2", 0, 0, m["flags"], m["method"], 0, 0,
                                 m["crc"], len(m["data"]) if packed else m["size"], m["size"], len(m["central"]), 0, 0, 0, 0, 0,
                                 at) + m["central"]
    fields = dict(entries=len(members), size=len(directory), begin=len(body)) | (end64 or {})
    tail, narrow = b"", (len(members), len(directory), len(body))
    if end64 is not None:
        tail = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 0, 0, 0, 0, fields["entries"],
                           fields["entries"], fields["size"], fields["begin"])
        tail += struct.pack("<4sIQI", b"PK\6\7", 0, len(body) + len(directory), 1)
        if "narrow" not in end64:
            narrow = 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF
    return body + directory + tail + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, narrow[0], *narrow, 0)


def torch_zip(pickle, storages=(("0", SIX),), extra=(), **lies):
    return zip_file([member("archive/data.pkl", pickle), member("archive/byteorder", b"little")]
                    + [member(f"archive/data/{key}", data) for key, data in storages]
                    + [member("archive/version", b"3\n"), *extra], **lies)


def torch_legacy(pickle, storages=(("0", 6, SIX),)):
    """Storages are (key, declared elements, data)."""
    keys = b"](" + b"".join(text(key) for key, _, _ in storages) + b"e"
    data = b"".join(struct.pack("<q", count) + content for _, count, content in storages)
    return MAGIC + pickled(b"M\xe9\x03") + system_info(1001) + pickle + pickled(keys) + data


def torch_tar(pickle, storages=((7, "Float", 6, SIX),), tensors=((9, 7, "Float", (2, 3), None),),
              extra=()):
    """Storages are (key, kind, declared elements, data), tensors (key, storage, kind, shape,
    stride), extra members TarInfo."""
    def global_of(kind, suffix):
        return b"ctorch\n" + kind.encode() + suffix + b"\n"

    parts = [pickled(integer(len(storages)))]
    for key, kind, count, data in storages:
        parts += [pickled(b"(" + integer(key) + text("cpu") + global_of(kind, b"Storage") + b"t"),
                  struct.pack("<q", count), data]
    described = pickled(integer(len(tensors)))
    for key, source, kind, shape, stride in tensors:
        described += pickled(b"(" + integer(key) + integer(source) + global_of(kind, b"Tensor")
                             + b"t") + struct.pack("<ii", len(shape), 0)
        stride = row_major(shape) if stride is None else stride
        described += struct.pack(f"<{2 * len(shape) + 1}q", *shape, *stride, 0)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for info in extra:
            archive.addfile(info)
        for name, data in (("sys_info", system_info(1000)), ("pickle", pickle),
                           ("tensors", described), ("storages", b"".join(parts) + pickled(b"]"))):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def safetensors(header, data=b""):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(header)) + header + data


def resnet18(arrays):
    """{format: file} of one ResNet18, whose tensors are given by name."""
    kinds = {"float32": ("Float", "F32"), "int64": ("Long", "I64")}
    items = [(name, np.ascontiguousarray(value), *kinds[str(value.dtype)])
             for name, value in arrays.items()]
    refs = [(name, tensor(storage(str(i), a.size, kind + "Storage"), 0, a.shape))
            for i, (name, a, kind, _) in enumerate(items)]
    legacy = [(name, tensor(storage(str(i), a.size, kind + "Storage", b"N"), 0, a.shape))
              for i, (name, a, kind, _) in enumerate(items)]
    header, offset = {}, 0
    for name, a, _, dtype in items:
        header[name] = {"dtype": dtype, "shape": list(a.shape),
                        "data_offsets": [offset, offset + a.nbytes]}
        offset += a.nbytes
    return {
        "zip": torch_zip(pickled(dict_of(*refs)),
                         [(str(i), a.tobytes()) for i, (_, a, _, _) in enumerate(items)]),
        "legacy": torch_legacy(pickled(dict_of(*legacy)),
                               [(str(i), a.size, a.tobytes()) for i, (_, a, _, _)
                                in enumerate(items)]),
        "tar": torch_tar(pickled(dict_of(*((name, text(str(1000 + i)) + b"Q")
                                           for i, (name, *_) in enumerate(items)))),
                         [(i, kind, a.size, a.tobytes())
                          for i, (_, a, kind, _) in enumerate(items)],
                         [(1000 + i, i, kind, a.shape, None)
                          for i, (_, a, kind, _) in enumerate(items)]),
        "safetensors": safetensors(header, b"".join(a.tobytes() for _, a, _, _ in items)),
    }

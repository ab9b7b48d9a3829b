"""Files made to run code, to crash a reader or to exhaust the machine, as pairs of a name and the
file's content; hostile_files.py gives them to the programs. Needs NumPy only."""

import tarfile
import zlib

import numpy as np

from weight_files import (MAGIC, SIX, dict_of, integer, member, pickled, resnet18, safetensors,
                          storage, system_info, tensor, text, torch_legacy, torch_tar, torch_zip,
                          zip_file)

HUGE = 2**63 - 1


def in_all_containers(name, value):
    """A dict that holds `value` beside a tensor, in the three containers of torch.save."""
    legacy = tensor(storage(view=b"N"))
    yield f"{name}, zip", torch_zip(pickled(dict_of(("w", tensor()), ("x", value))))
    yield f"{name}, legacy", torch_legacy(pickled(dict_of(("w", legacy), ("x", value))))
    yield f"{name}, tar", torch_tar(pickled(dict_of(("w", text("9") + b"Q"), ("x", value))))


def calls(marker):
    """Every way a pickle has to call os.system."""
    command = text(f"touch {marker}")
    frame = b"\x80\x04\x95" + (30).to_bytes(8, "little")
    for name, code in (
            ("os.system by REDUCE", b"cos\nsystem\n" + command + b"\x85R"),
            ("posix.system by REDUCE", b"cposix\nsystem\n" + command + b"\x85R"),
            ("eval by REDUCE", b"c__builtin__\neval\n" + text(f"open('{marker}','w')") + b"\x85R"),
            ("os.system by INST", b"(" + command + b"ios\nsystem\n"),
            ("os.system by OBJ", b"(cos\nsystem\n" + command + b"o"),
            ("os.system by NEWOBJ", b"cos\nsystem\n" + command + b"\x85\x81"),
            ("os.system by BUILD", b"cos\nsystem\n}" + text("x") + command + b"sb"),
            ("os.system by STACK_GLOBAL",
             text("os") + text("system") + b"\x93" + command + b"\x85R"),
            ("extension registry", b"\x82\x01" + command + b"\x85R"),
            ("GLOBAL with NUL", b"ctorch\0os\nFloatStorage\n")):
        yield from in_all_containers(name, code)
    yield "os.system, bare pickle", pickled(b"cos\nsystem\n" + command + b"\x85R")
    yield "os.system, protocol 4", torch_zip(frame + b"cos\nsystem\n" + command + b"\x85R.")
    yield "os.system, system info", (MAGIC + pickled(b"M\xe9\x03")
                                     + pickled(b"cos\nsystem\n" + command + b"\x85R"))
    yield "os.system, storage keys", (
        MAGIC + pickled(b"M\xe9\x03") + system_info(1001) + pickled(b"}")
        + pickled(b"cos\nsystem\n" + command + b"\x85R"))
    yield "os.system, safetensors metadata", safetensors(
        {"__metadata__": {"x": f"cos\nsystem\n(S'touch {marker}'\ntR."},
         "w": {"dtype": "F32", "shape": [6], "data_offsets": [0, 24]}}, SIX)


def persistent_ids(marker):
    source = text(f"import os; os.system('touch {marker}')")
    for name, code in (
            ("persistent id of a module", b"(" + text("module") + b"NNNtQ"),
            ("persistent id with source text", b"(" + text("module") + b"cos\nsystem\n"
             + text("/etc/passwd") + source + b"tQ"),
            ("persistent id that is no tuple", text("storage") + b"Q"),
            ("persistent id of a global", b"(cos\nsystem\n" + text("0") + b"tQ"),
            ("persistent id without a type", b"(" + text("storage") + text("x") + text("0")
             + text("cpu") + integer(6) + b"tQ"),
            ("empty persistent id", b")Q"),
            ("storage key is a path", tensor(storage("../../../etc/passwd"))),
            ("storage key is absolute", tensor(storage("/etc/passwd"))),
            ("storage key is not there", tensor(storage("1"))),
            ("storage used as a dict", storage() + text("a") + b"Ns"),
            ("storage larger than its record", tensor(storage(numel=7))),
            ("storage of a wider type", tensor(storage(kind="DoubleStorage")))):
        yield from in_all_containers(name, code)


def bombs():
    for name, code in (
            ("memo index 2^32 - 1", b"}r\xff\xff\xff\xff"),
            ("memo index 2^18", b"}r\0\0\4\0"),
            ("memo entry never set", b"j\xff\xff\xff\xff"),
            ("million marks", b"(" * 1000000),
            ("million values", b"N" * 1000000),
            ("million tuples in tuples", b")" + b"\x85" * 1000000),
            ("text of 4 GiB", b"X\xff\xff\xff\xff"),
            ("8 MiB of texts and more", b"](" + text("x" * 4096) * 3000 + b"e"),
            ("list in itself", b"]q\1h\1a"),
            ("dict in itself", b"}q\1" + text("x") + b"h\1s"),
            ("ever repeated dict", repeated_dict()),
            ("dicts made of one list", b"](" + b"](NNeq\1" + b"h\1" * 60000 + b"eq\2"
             + b"ccollections\nOrderedDict\nq\3](" + b"h\3h\2\x85R" * 60000 + b"e"),
            ("one tensor a million times", b"](" + tensor() + b"q\1" + b"h\1" * 60000 + b"e"),
            ("long names a million times", long_names()),
            ("expanded to 16 TiB", tensor(shape=(2**21, 2**21), stride=(0, 0))),
            ("expanded to 512 MiB", tensor(shape=(2**13, 2**14), stride=(0, 0))),
            ("expanded to 120 MiB nine times",
             b"](" + b"".join(tensor(shape=(30, 2**20), stride=(0, 0)) for _ in range(9)) + b"e")):
        yield f"{name}, zip", torch_zip(pickled(dict_of(("w", tensor()), ("x", code))))
    expanded, deepest = tensor(shape=(30, 2**20), stride=(0, 0)), b")" + b"\x85" * ((1 << 20) - 200)
    yield "all limits at once, zip", torch_zip(pickled(dict_of(("w", expanded), ("x", deepest))))


def repeated_dict():
    body = b"}"
    for level in range(60):
        memo = bytes([level])
        body = b"}" + text("a") + body + b"q" + memo + b"s" + text("b") + b"h" + memo + b"s"
    return body


def long_names():
    """A dict of 30000 keys below a key of 4000 bytes, with one tensor as every value."""
    inner = b"}(" + b"".join(integer(i) + b"h\1" for i in range(30000)) + b"u"
    return dict_of(("w", tensor() + b"q\1"), ("x" * 4000, inner))


def sizes():
    for name, code in (
            ("numel 2^63 - 1", tensor(storage(numel=HUGE))),
            ("numel -1", tensor(storage(numel=-1))),
            ("numel -2^63", tensor(storage(numel=-2**63))),
            ("offset 2^63 - 1", tensor(offset=HUGE)),
            ("negative offset", tensor(offset=-1)),
            ("shape 2^63 - 1", tensor(shape=(HUGE, 1), stride=(1, 1))),
            ("shape product 2^64", tensor(shape=(2**31 - 1,) * 3, stride=(1, 1, 1))),
            ("shape overflow with 0", tensor(shape=(2**31 - 1,) * 8 + (0,), stride=(1,) * 9)),
            ("negative shape", tensor(shape=(-2, 3))),
            ("stride 2^63 - 1", tensor(stride=(HUGE, HUGE))),
            ("negative stride", tensor(offset=5, stride=(-3, -1))),
            ("rank 17", tensor(shape=(1,) * 17)),
            ("rank of strides", tensor(stride=(1,)))):
        yield f"{name}, zip", torch_zip(pickled(dict_of(("w", code))))
        yield f"{name}, legacy", torch_legacy(pickled(dict_of(("w", code.replace(
            integer(6) + b"tQ", integer(6) + b"NtQ")))))
    good = pickled(dict_of(("w", tensor(storage(view=b"N")))))
    for count in (HUGE, -1, -2**63, 2**61, 7):
        yield f"{count} elements, legacy", torch_legacy(good, [("0", count, SIX)])
        yield f"{count} elements, tar", torch_tar(pickled(b"}"), [(7, "Float", count, SIX)])
    for shape, stride in (((HUGE, HUGE), None), ((-1, 3), None), ((2, 3), (HUGE, HUGE)),
                          ((2, 3), (-3, -1)), ((1,) * 9, None)):
        row = [(9, 7, "Float", shape, stride or (1,) * len(shape))]
        yield f"shape {shape[:2]} stride {stride}, tar", torch_tar(
            pickled(dict_of(("w", text("9") + b"Q"))), tensors=row)
    for length in (2**64 - 1, 2**63, 2**63 - 1, 100_000_001, 0, 1):
        yield f"header of {length} bytes, safetensors", length.to_bytes(8, "little") + b"{}" + SIX


def zips():
    good = pickled(dict_of(("w", tensor())))
    before = torch_zip(good).find(b"PK\1\2")
    inner = zip_file([member("archive/in", b"payload")])
    yield "two entries on one record", torch_zip(good, extra=[member("archive/x", SIX, at=0)])
    yield "thousands of entries on one record", torch_zip(
        good, extra=[member("archive/big", bytes(1 << 24))]
        + [member("archive/big", bytes(1 << 24), central=b"archive/%d" % i, at=before)
           for i in range(8000)])
    yield "record inside another", torch_zip(good, extra=[
        member("archive/out", inner),
        member("archive/in", b"payload", at=before + 30 + len("archive/out"))])
    for name, lie in (("entries", 2**63), ("entries", 0), ("entries", 1), ("size", 2**64 - 1),
                      ("size", 0), ("begin", 2**63), ("begin", 0), ("begin", 2**64 - 1)):
        yield f"zip64 {name} {lie}", torch_zip(good, end64={name: lie})
        yield f"zip64 {name} {lie} against zip", torch_zip(good, end64={name: lie, "narrow": True})
    for name, lies in (("compressed", dict(method=8)), ("encrypted", dict(flags=1)),
                       ("wrong sum", dict(crc=1)), ("two sizes", dict(local_size=1)),
                       ("size of 4 GiB", dict(size=2**32 - 1)),
                       ("two names", dict(central=b"archive/y")),
                       ("beyond the file", dict(at=2**32 - 2))):
        yield f"{name}, zip", torch_zip(good, extra=[member("archive/x", b"12", **lies)])
    for name in ("archive/data.pkl", "archive/DATA.PKL", "other/x", "../x", "/x", "archive/../x",
                 "archive\\x", "archive/" + "n" * 60000, "archive/constants.pkl", "x"):
        yield f"member {name[:24]}, zip", torch_zip(good, extra=[member(name, b"1")])
    yield "bytes in front, zip", b"x" + torch_zip(good)
    yield "bytes behind, zip", torch_zip(good) + b"x"


def objects(marker):
    """Records of objects that nest, alias, claim sizes, and would run something elsewhere."""
    command = text(f"touch {marker}")

    def module(entries, name=b"net\nNet"):
        return b"c" + name + b"\n)\x81}(" + entries + b"ub"

    shared = b"}"
    for level in range(60):
        shared = module(text("a") + shared + b"q" + bytes([level]) + text("b") + b"h"
                        + bytes([level]))
    deep = b"}"
    for _ in range(3000):
        deep = b"cn\nN\n)\x81}" + text("_modules") + b"}" + text("a") + deep + b"ssb"
    huge = (2**64 - 1).to_bytes(8, "little")
    for name, code in (
            ("object in itself", b"cn\nN\n)\x81q\1}" + text("a") + b"h\1sb"),
            ("ever shared objects", shared), ("3000 modules in modules", deep),
            ("state of an object is a call", b"cn\nN\n)\x81cos\nsystem\n" + command + b"\x85Rb"),
            ("module named as a command", module(text("_parameters") + b"cos\nsystem\n" + command
                                                 + b"\x85R")),
            ("tensor of an unknown function", b"cn\nf\n(" + storage() + b"tR"),
            ("parameters that are no dict", module(text("_parameters") + b"K\1")),
            ("builtins.exec", b"cbuiltins\nexec\n" + command + b"\x85R"),
            ("getattr of a record", b"c__builtin__\ngetattr\n(cn\nN\n)\x81" + command + b"tR" + command
             + b"\x85R"),
            ("subprocess by STACK_GLOBAL", text("subprocess") + text("Popen") + b"\x93" + command
             + b"\x85R"),
            ("out-of-band buffer", b"\x97"), ("read-only buffer", b"\x97\x98"),
            ("frame of 2^64 - 1", b"\x95" + huge + b"N"),
            ("text of 2^64 - 1", b"\x8d" + huge), ("bytes of 2^64 - 1", b"\x8e" + huge),
            ("byte array of 2^64 - 1", b"\x96" + huge), ("integer of 2^31 - 1", b"\x8b\xff\xff\xff\x7f"),
            ("million memos", b"N" + b"\x94" * 1000000),
            ("million names", b"(" + b"ca\nb\n" * 60000 + b"t"),
            ("set of itself", b"\x8fq\1(h\1\x90"), ("items for a dict", b"}(N\x90")):
        yield f"{name}, zip", torch_zip(pickled(dict_of(("w", tensor()), ("x", code))))
    for name in ("constants.pkl", "code/__torch__/net.py"):
        yield f"TorchScript with {name}, zip", torch_zip(
            pickled(module(text("w") + tensor(), b"__torch__.net\nNet")),
            extra=[member("archive/constants.pkl", pickled(b"cos\nsystem\n" + command + b"\x85R")),
                   member("archive/code/x.py", b"import os")])


def deflated():
    """Compressed members that lie about what they hold."""
    def squeezed(data):
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(data) + packer.flush()

    good = pickled(dict_of(("w", tensor())))
    bomb = bytes(129 << 20)
    for name, packed, said in (
            ("129 MiB of zeros", squeezed(bomb), bomb), ("longer than it says", squeezed(SIX + b"x"), SIX),
            ("shorter than it says", squeezed(SIX[1:]), SIX), ("cut short", squeezed(SIX)[:-3], SIX),
            ("another thing", b"\xff" * 30, SIX), ("nothing", b"", SIX),
            ("followed by bytes", squeezed(SIX) + b"x", SIX),
            ("100 MiB in 30 bytes", squeezed(SIX), bytes(100 << 20))):
        lie = member("archive/data/0", packed, method=8, crc=zlib.crc32(said), size=len(said))
        yield f"deflated, {name}", zip_file([member("archive/data.pkl", good), lie,
                                             member("archive/version", b"3\n")], packed=True)
    nine = [member(f"archive/data/{i}", squeezed(bytes(30 << 20)), method=8,
                   crc=zlib.crc32(bytes(30 << 20)), size=30 << 20) for i in range(9)]
    value = dict_of(*[(str(i), tensor(storage(str(i), 30 << 18))) for i in range(9)])
    yield "deflated, nine of 30 MiB", zip_file([member("archive/data.pkl", pickled(value)), *nine,
                                                member("archive/version", b"3\n")], packed=True)


def others():
    """What is not weights at all, cut and whole."""
    for name, image in (("LFS pointer", b"version https://git-lfs.github.com/spec/v1\n"),
                        ("HTML", b" <!DOCTYPE html>"), ("ONNX", b"\x08\x08\x12\x07pytorch"),
                        ("SavedModel", b"\x08\x01\x12"), ("JSON", b'{"a": 1}'), ("gzip", b"\x1f\x8b"),
                        ("TFLite", b"\0\0\0\0TFL3"), ("four bytes", b"PK\3\4"), ("a byte", b"\x08"),
                        ("protocol byte", b"\x80\x05"), ("a frame", b"\x80\x04\x95"),
                        ("Keras", zip_file([member("metadata.json", b"{}")]))):
        yield f"{name}, no weights", image


def tars(marker):
    for name, kind, target in (("symlink", tarfile.SYMTYPE, "/etc/passwd"),
                               ("hard link", tarfile.LNKTYPE, "sys_info"),
                               ("device", tarfile.CHRTYPE, ""), ("FIFO", tarfile.FIFOTYPE, ""),
                               ("folder", tarfile.DIRTYPE, "")):
        for member_name in ("storages", f"../../..{marker}"):
            info = tarfile.TarInfo(member_name)
            info.type, info.linkname = kind, target
            yield f"{name} {member_name[:8]}, tar", torch_tar(pickled(b"}"), extra=[info])
    for name in ("../x", "/etc/x", "pickle"):
        yield f"member {name}, tar", torch_tar(pickled(b"}"), extra=[tarfile.TarInfo(name)])
    for count in (2**31, -1, 4097):
        image = torch_tar(pickled(b"}"))
        yield f"{count} storages, tar", image.replace(pickled(integer(1)), pickled(integer(count)))


def headers():
    def entry(begin, end, shape=None, dtype="U8"):
        return {"dtype": dtype, "shape": [end - begin] if shape is None else shape,
                "data_offsets": [begin, end]}

    for name, header in (
            ("overlap", {"a": entry(0, 4), "b": entry(2, 6)}),
            ("hole", {"a": entry(0, 2), "b": entry(4, 6)}),
            ("same range", {"a": entry(0, 6), "b": entry(0, 6)}),
            ("reversed range", {"a": entry(6, 0, [6])}),
            ("range of 2^63", {"a": entry(0, 2**63)}), ("range of 2^64", {"a": entry(0, 2**64)}),
            ("shape overflow", {"a": entry(0, 6, [2**32, 2**32])}),
            ("shape overflow with 0", {"a": entry(0, 0, [2**62, 2**62, 0])}),
            ("negative shape", {"a": entry(0, 6, [-6])}), ("shape 1.5", {"a": entry(0, 6, [1.5])}),
            ("shape of text", {"a": entry(0, 6, ["6"])}),
            ("dtype f32", {"a": entry(0, 4, [1], "f32")})):
        yield f"{name}, safetensors", safetensors(header, SIX[:6])
    one = b'"a":{"dtype":"U8","shape":[6],"data_offsets":[0,6]}'
    for name, header in (("duplicate key", b"{" + one + b"," + one + b"}"),
                         ("deep JSON", b"{" + b'"a":{' * 100000),
                         ("deep lists", b'{"a":' + b"[" * 100000),
                         ("lone surrogate", b'{"\\ud800":{}}'), ("NUL", b"{}\0" + one),
                         ("100 MB of spaces", b"{}" + b" " * (100_000_000 - 2)),
                         ("100 MB of entries", b"{" + b",".join(
                             one.replace(b'"a"', b'"%07d"' % i) for i in range(1_700_000)) + b"}"),
                         ("1 MiB of entries", b"{" + b",".join(
                             one.replace(b'"a"', b'"%07d"' % i) for i in range(17_000)) + b"}"),
                         ("1 MiB of metadata", b'{"__metadata__":{' + b",".join(
                             b'"%d":""' % i for i in range(90_000)) + b"}}")):
        yield f"{name}, safetensors", safetensors(header, SIX[:6])
    yield "bytes behind, safetensors", safetensors(b"{" + one + b"}", SIX)
    twice = b"}(" + text("w") + tensor() + text("w") + tensor() + b"u"
    yield "duplicate key, zip", torch_zip(pickled(twice))
    yield "duplicate path, zip", torch_zip(pickled(dict_of(
        ("a.b", tensor()), ("a", dict_of(("b", tensor()))))))


def values(arrays):
    """Whole ResNet18s with values that no network has."""
    for what, name, value in (("NaN", "conv1.weight", np.nan), ("infinity", "fc.bias", np.inf),
                              ("negative variance", "bn1.running_var", -1.0)):
        changed = dict(arrays)
        changed[name] = arrays[name].copy()
        changed[name].flat[5] = value
        for form, image in resnet18(changed).items():
            yield f"{what}, {form}", image


def all_cases(marker, arrays):
    """Every file; those that call the system would create the file `marker`."""
    yield from calls(marker)
    yield from persistent_ids(marker)
    yield from bombs()
    yield from sizes()
    yield from zips()
    yield from objects(marker)
    yield from deflated()
    yield from others()
    yield from tars(marker)
    yield from headers()
    yield from values(arrays)

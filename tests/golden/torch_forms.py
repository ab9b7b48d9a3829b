"""Every form in which PyTorch, torchvision and timm write a ResNet, as pairs of a name and the
file's content; torch_files.py imports them. Needs torch and NumPy; of torchvision, timm and
safetensors what is there."""

import collections
import importlib
import io
import re
import zipfile

import numpy as np
import torch

import closed_form
from weight_files import COUNTER, shapes

LEGACY = {"_use_new_zipfile_serialization": False}
PROTOCOLS = (3, 4, 5)  # 2 is what torch.save takes by itself

# What a form holds of the state, and what a blob made of it must say beside the tensors.
Form = collections.namedtuple("Form", "name image rounding head record", defaults=("exact", True, ""))


def make_state(depth, array_file=None):
    """The state dict all forms of a depth hold: read from an .npz, else in closed form."""
    arrays = np.load(array_file) if array_file else None
    state = collections.OrderedDict()
    for name, shape in shapes(depth).items():
        if name.endswith(COUNTER):
            state[name] = torch.tensor(7, dtype=torch.int64)
        else:
            array = arrays[name] if arrays else closed_form.tensor(name, shape)
            state[name] = torch.from_numpy(np.array(array, dtype=np.float32))
    return state


def floating(state, change):
    return collections.OrderedDict(
        (name, change(value) if value.is_floating_point() else value)
        for name, value in state.items())


def prefixed(prefix, state):
    return collections.OrderedDict((prefix + name, value) for name, value in state.items())


def in_one_storage(state):
    """All floating tensors as views of one storage."""
    flat = torch.cat([v.reshape(-1) for v in state.values() if v.is_floating_point()])
    begin = 0
    shared = collections.OrderedDict()
    for name, value in state.items():
        if value.is_floating_point():
            shared[name] = flat[begin:begin + value.numel()].view(value.shape)
            begin += value.numel()
        else:
            shared[name] = value
    return shared


def transposed(value):
    """The same values, stored with the first and last dimension exchanged."""
    if value.dim() < 2:
        return value
    return value.transpose(0, -1).contiguous().transpose(0, -1)


def lightning(state):
    return {
        "epoch": 3, "global_step": 100, "pytorch-lightning_version": "1.9.0",
        "state_dict": prefixed("model.", state), "loops": {"fit_loop": {"done": True}},
        "callbacks": {}, "optimizer_states": [{"state": {0: {"step": 5, "exp_avg": torch.ones(3)}},
                                               "param_groups": [{"lr": 0.1, "params": [0, 1]}]}],
        "lr_schedulers": [], "hyper_parameters": {"lr": 0.1, "name": None, "betas": (0.9, 0.999)},
    }


def saved(value, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def in_both(name, value, rounding="exact", **options):
    """The zip archive and the legacy stream."""
    yield Form(name, saved(value, **options), rounding)
    yield Form(f"{name}, legacy", saved(value, **options, **LEGACY), rounding)


def as_cuda_zip(image):
    """The file as saved from a GPU: there, location and storage type are the only difference."""
    source = zipfile.ZipFile(io.BytesIO(image))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        for item in source.infolist():
            data = source.read(item)
            if item.filename.endswith("/data.pkl"):
                data = relocated(data)
            target.writestr(item.filename, data)
    return buffer.getvalue()


def relocated(data):
    """Pickled text "cpu" to "cuda:0", torch.FloatStorage to torch.cuda.FloatStorage and so on."""
    cpu, cuda = b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"
    data, types = re.subn(rb"ctorch\n(\w+Storage)\n", rb"ctorch.cuda\n\1\n", data)
    assert cpu in data and types
    return data.replace(cpu, cuda)


def deflated(image):
    """The archive zipped again by hand, all members compressed."""
    source = zipfile.ZipFile(io.BytesIO(image))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for item in source.infolist():
            target.writestr(item.filename, source.read(item), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def state_forms(state):
    """What torch.save makes of the tensors by name."""
    parameters = floating(state, lambda v: torch.nn.Parameter(v, requires_grad=False))
    no_counters = collections.OrderedDict(
        (n, v) for n, v in state.items() if not n.endswith(COUNTER))
    channels_last = lambda v: v.contiguous(memory_format=torch.channels_last) if v.dim() == 4 else v
    yield Form("without counters", saved(no_counters))
    yield Form("plain dict", saved(dict(state)))
    yield Form("double", saved(floating(state, lambda v: v.double())))
    yield Form("torch.compile", saved(prefixed("_orig_mod.", state)))
    yield Form("Parameters", saved(parameters))
    yield Form("transposed", saved(floating(state, transposed)))
    yield Form("CUDA storages", as_cuda_zip(saved(state)))
    yield Form("CUDA storages, legacy", relocated(saved(state, **LEGACY)))
    yield from in_both("bfloat16", floating(state, lambda v: v.bfloat16()), "bfloat16")
    yield from in_both("DataParallel", prefixed("module.", state))
    yield from in_both("Lightning", lightning(state))
    yield from in_both("one storage", in_one_storage(state))
    yield from in_both("channels-last", floating(state, channels_last))


def common_forms(state):
    """What is tried of every depth."""
    yield from in_both("state dict", state)
    for protocol in PROTOCOLS:
        yield from in_both(f"protocol {protocol}", state, pickle_protocol=protocol)
    yield from in_both("half", floating(state, lambda v: v.half()), "half")
    yield Form("zipped again", deflated(saved(state)))
    try:
        from safetensors.torch import save
    except ImportError:
        return
    plain = {name: value.contiguous() for name, value in state.items()}
    yield Form("safetensors", save(plain, metadata={"format": "pt"}))
    yield Form("safetensors, prefixed", save(dict(prefixed("backbone.", plain))))
    yield Form("safetensors, half", save(floating(plain, lambda v: v.half())), "half")


class Policy(torch.nn.Module):
    """A network of somebody's own, the body in it."""

    def __init__(self, body):
        super().__init__()
        self.history, self.scale = [1, 2.5, None], torch.nn.Parameter(torch.ones(3))
        self.encoder = torch.nn.Sequential(*list(body.children())[:-1])
        self.actor = torch.nn.Sequential(torch.nn.Linear(512, 64), torch.nn.Tanh())

    def forward(self, x):
        return self.encoder(x).flatten(1)


def scripts(name, model):
    """Both kinds of TorchScript."""
    pictures = torch.zeros(1, 3, 64, 64)
    for kind, script in (("traced", torch.jit.trace(model, pictures)),
                         ("scripted", torch.jit.script(model)),
                         ("scripted in training", torch.jit.script(model.train()))):
        buffer = io.BytesIO()
        torch.jit.save(script, buffer)
        yield Form(f"{name} {kind}", buffer.getvalue())
        model.eval()


def timm_record(config):
    """What a blob must say of its preparation where the file has timm's record of it."""
    crop = config["input_size"][-1]
    kind = "bicubic" if config["interpolation"] == "bicubic" else "bilinear"
    return f"{int(crop / config['crop_pct'])} {crop} {kind}"


def module_forms(name, model, record=""):
    """torch.save of whole modules and TorchScript."""
    yield Form(f"{name} module", saved(model), record=record)
    yield Form(f"{name} module, legacy", saved(model, **LEGACY), record=record)
    for protocol in PROTOCOLS:
        yield Form(f"{name} module, protocol {protocol}", saved(model, pickle_protocol=protocol),
                   record=record)
    yield Form(f"{name} module, DataParallel", saved(torch.nn.DataParallel(model)), record=record)
    yield Form(f"{name} module in a dict", saved({"model": model, "epoch": 3}), record=record)
    yield from scripts(name, model)


def library_forms(depth, state):
    """What torchvision and timm add, where they are installed."""
    for library in ("torchvision", "timm"):
        try:
            found = importlib.import_module(library)
        except ImportError:
            print(f"left out: no {library} here")
            continue
        if library == "timm":
            model = found.create_model(f"resnet{depth}")
            record = timm_record(model.default_cfg)
        else:
            model, record = getattr(found.models, f"resnet{depth}")(), ""
        model.load_state_dict(state)
        yield from module_forms(library, model.eval(), record)
        if library == "torchvision":
            yield Form("module of one's own", saved(Policy(model)), head=False)
            yield Form("Sequential of children",
                       saved(torch.nn.Sequential(*list(model.children())[:-1])), head=False)


def forms(depth, array_file=None):
    """All forms of one depth; the rarer ones of 18 alone."""
    state = make_state(depth, array_file)
    yield from common_forms(state)
    if depth == 18:
        yield from state_forms(state)
    yield from library_forms(depth, state)

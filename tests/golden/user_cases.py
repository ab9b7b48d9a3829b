"""Checkpoints as programs of others write them, around one ResNet18; user_files.py imports them.
Needs torch and NumPy."""

import argparse
import collections
import datetime
import pathlib
import random

import numpy as np
import torch

from torch_forms import LEGACY, floating, make_state, prefixed

# What an importer must make of it: all 102 tensors, the 100 of the body, or a refusal with that text.
WHOLE, BODY = 102, 100
Case = collections.namedtuple("Case", "name value expected options", defaults=({},))


class Renamed(collections.OrderedDict):
    """A dict class of somebody's own."""


class Record:
    """An object that keeps a state dict as an attribute."""

    def __init__(self, state):
        self.epoch, self.weights = 3, state


def layers(prefix, *widths):
    """The linear layers of a projector of a Sequential."""
    out = collections.OrderedDict()
    for i, (inner, outer) in enumerate(zip(widths, widths[1:])):
        out[f"{prefix}.{2 * i}.weight"] = torch.zeros(outer, inner)
        out[f"{prefix}.{2 * i}.bias"] = torch.zeros(outer)
    return out


def moved(state):
    """Another network: a twin that follows."""
    return floating(state, lambda value: value + 0.01)


def optimizer(state):
    slots = {i: {"step": torch.tensor(5.0), "exp_avg": torch.zeros_like(value)}
             for i, value in enumerate(list(state.values())[:6])}
    return {"state": slots, "param_groups": [{"lr": 0.1, "params": list(slots)}]}


def wrapped(whole, body):
    """Frameworks of supervised training and detection."""
    yield Case("DataParallel beside an optimizer", {
        "epoch": 5, "model": prefixed("module.", whole), "optimizer": optimizer(whole),
        "rng": torch.get_rng_state(), "numpy": np.random.get_state(), "python": random.getstate()},
        WHOLE)
    yield Case("tuple of a state dict and an epoch", (whole, 5), WHOLE)
    yield Case("list of a state dict and an optimizer", [whole, optimizer(whole)], WHOLE)
    yield Case("OrderedDict subclass", Renamed(whole), WHOLE)
    yield Case("defaultdict", collections.defaultdict(list, {"model": whole}), WHOLE)
    yield Case("numbers for keys", {0: whole, 1: optimizer(whole)}, WHOLE)
    yield Case("object with an attribute", Record(whole), WHOLE)
    yield Case("Lightning beside hyperparameters", {
        "state_dict": prefixed("model.net.", whole), "epoch": 3, "loops": {"fit": {"done": True}},
        "hyper_parameters": argparse.Namespace(path=pathlib.PurePosixPath("/x"), lr=0.1),
        "callbacks": {"best": np.float64(0.5), "at": datetime.datetime(2024, 1, 1)}}, WHOLE)
    yield Case("OpenMMLab detector", {
        "meta": {"config": "x" * 9000, "CLASSES": ("a", "b")}, "optimizer": optimizer(body),
        "state_dict": {**prefixed("backbone.", body), "bbox_head.fc_cls.weight": torch.zeros(81, 1024),
                       "bbox_head.fc_cls.bias": torch.zeros(81),
                       "neck.lateral.0.conv.weight": torch.zeros(256, 64, 1, 1)}}, BODY)
    yield Case("fairseq", {
        "args": argparse.Namespace(arch="x"), "model": {
            **prefixed("encoder.resnet.", body), "decoder.embed.weight": torch.zeros(100, 512)},
        "extra_state": {"best": np.float64(1.5)}, "last_optimizer_state": optimizer(body)}, BODY)
    yield Case("EMA as a list of tensors", {
        "model": whole, "ema": {"decay": 0.999, "shadow_params": list(moved(whole).values())}}, WHOLE)
    yield Case("EMA as a state dict", {"state_dict_ema": moved(whole), "state_dict": whole}, WHOLE)
    yield Case("FSDP", prefixed("_fsdp_wrapped_module.", whole), WHOLE)
    yield Case("activation checkpointing", collections.OrderedDict(
        (k.replace("layer1.", "layer1._checkpoint_wrapped_module."), v) for k, v in whole.items()),
        WHOLE)
    yield Case("head beside that is no classifier", {
        **body, **layers("head", 512, 256, 10)}, BODY)


def self_supervised(body):
    yield Case("MoCo", {"arch": "resnet18", "state_dict": {
        **prefixed("module.encoder_q.", body), **layers("module.encoder_q.fc", 512, 512, 128),
        **prefixed("module.encoder_k.", moved(body)), "module.queue": torch.zeros(128, 512),
        "module.queue_ptr": torch.zeros(1, dtype=torch.long)}}, BODY)
    yield Case("SimCLR", {"state_dict": {
        **prefixed("backbone.", body), **layers("backbone.fc", 512, 512, 128)}}, BODY)
    yield Case("BYOL", {"state_dict": {
        **prefixed("online_network.encoder.", body), **layers("predictor.net", 512, 4096, 256),
        **prefixed("target_network.encoder.", moved(body))}, "pytorch-lightning_version": "2.1"}, BODY)
    yield Case("DINO", {
        "student": {**prefixed("module.backbone.", body), **layers("module.head.mlp", 512, 2048, 256)},
        "teacher": {**prefixed("backbone.", moved(body)), **layers("head.mlp", 512, 2048, 256)},
        "args": argparse.Namespace(arch="resnet18"), "dino_loss": {"center": torch.zeros(1, 65536)}},
        BODY)
    yield Case("VICReg", {"epoch": 3, "optimizer": optimizer(body), "model": {
        **prefixed("module.backbone.", body), **layers("module.projector", 512, 2048, 2048)}}, BODY)
    yield Case("SwAV", {"state_dict": {
        **prefixed("module.", body), **layers("module.projection_head", 512, 2048, 128),
        "module.prototypes.weight": torch.zeros(3000, 128)}}, BODY)


def tensors(whole):
    """Kinds of tensors."""
    half = {"state_dict": {**floating(whole, lambda v: v.half()), "bn1.bias": whole["bn1.bias"]}}
    yield Case("double", floating(whole, lambda v: v.double()), WHOLE)
    yield Case("half beside float", half, "half")
    yield Case("strided", floating(whole, lambda v: torch.stack([v, v + 1], -1)[..., 0]), WHOLE)
    expanded = {**whole, "bn1.running_var": whole["bn1.running_var"][:1].expand(64)}
    yield Case("expanded", expanded, "expanded")
    yield Case("requires_grad", floating(whole, lambda v: v.clone().requires_grad_()), WHOLE)
    yield Case("NumPy beside tensors", {"state_dict": whole, "mean": np.array([0.485])}, WHOLE)
    yield Case("NumPy for tensors", {k: v.numpy() for k, v in whole.items()}, "NumPy arrays")
    yield Case("NumPy for tensors, legacy", {k: v.numpy() for k, v in whole.items()}, "NumPy arrays",
               LEGACY)
    yield Case("complex", floating(whole, lambda v: torch.complex(v, v)), "ComplexFloatStorage")
    yield Case("sparse", {**whole, "fc.weight": whole["fc.weight"].to_sparse()}, "sparse_tensor")
    yield Case("meta", floating(whole, lambda v: v.to("meta")), "meta device")
    yield Case("quantised", floating(whole, lambda v: torch.quantize_per_tensor(
        v, 0.01, 0, torch.qint8)), "before quantising")
    yield Case("int8", floating(whole, lambda v: v.mul(100).to(torch.int8)), "quantised")
    yield Case("a tensor", torch.zeros(3), "not a dict")
    yield Case("nothing", {}, "file without tensors")
    yield Case("optimizer alone", optimizer(whole), "no complete ResNet")


def all_cases():
    """Every case, and the state that they hold."""
    whole = make_state(18)
    body = collections.OrderedDict((k, v) for k, v in whole.items() if not k.startswith("fc."))
    return whole, [*wrapped(whole, body), *self_supervised(body), *tensors(whole)]

"""The recorded workload: read from bench_freeze's file, or made up in the same format."""

import json
import struct
from dataclasses import dataclass

import numpy as np
import torch
from safetensors.torch import load_file, save_file


@dataclass
class GraphBatch:
    """Colonies side by side: token rows first, then the cells; edges in token rows."""

    graphs: int
    node_features: torch.Tensor  # [cells, 11]
    graph_features: torch.Tensor  # [graphs, 19]
    source: torch.Tensor  # [edges]
    target: torch.Tensor
    edge_features: torch.Tensor  # [edges, 3]
    graph_of_node: torch.Tensor  # [cells]
    action_mask: torch.Tensor  # bool [cells, 2]: spawn, delete
    cell_index: torch.Tensor  # [cells] in the workload's arrays


@dataclass
class PictureBatch:
    """States: pictures of bytes, or what a frozen body made of each, kept."""

    pictures: torch.Tensor | None  # [n, frames, h, w, c]
    values: torch.Tensor | None  # [n, values], beside the pictures
    kept: torch.Tensor | None = None  # [n * frames, features]


@dataclass(frozen=True)
class Shape:
    """What a network of pictures has to fit."""

    frames: int
    channels: int
    values: int
    rows: int  # decisions of a state, each of
    choices: int  # so many choices,
    dims: int  # so many continuous values,
    heads: int  # and so many heads for these
    components: int  # of the reward


class Workload:
    """States in order [environment, time] with what followed each of them."""

    def __init__(self, path, device="cpu"):
        tensors = load_file(path)
        with open(path, "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        meta = {k: int(v) for k, v in header["__metadata__"].items() if v.isdigit()}
        self.environments, self.steps = meta["environments"], meta["steps"]
        self.epochs, self.minibatch = meta["epochs"], meta["minibatch"]
        self.rewards, self.done = tensors["rewards"].numpy(), tensors["done"].numpy() != 0
        self.reward_weights = tensors["reward_weights"].numpy()
        self.device, self.values = torch.device(device), None
        long = ("node_offsets", "edge_offsets", "edge_source", "edge_target")
        for name, tensor in tensors.items():
            if name in ("rewards", "reward_weights", "done"):
                continue
            tensor = tensor.long() if name in long else tensor
            setattr(self, name, tensor.bool().to(device) if name == "action_mask"
                    else tensor.to(device))
        states = len(self.rewards)
        if states != self.steps or states % self.environments or states != len(self.pictures):
            raise SystemExit(f"{path}: {states} rewards, {len(self.pictures)} pictures, "
                             f"{self.steps} steps, {self.environments} environments")
        self.shape = Shape(meta["frames"], self.pictures.shape[-1],
                           0 if self.values is None else self.values.shape[1], meta["rows"],
                           meta["choices"], meta["dims"], meta["heads"], self.rewards.shape[1])
        self.has_graphs = "node_features" in tensors

    def picture_batch(self, states):
        return PictureBatch(self.pictures[states], self.values_of(states))

    def values_of(self, states):
        return None if self.values is None else self.values[states]

    def frame_states(self):
        """[states, frames]: of which state each frame was the newest one, as an episode's first
        picture stands for those before it."""
        state = np.arange(self.steps).reshape(self.environments, -1)
        first = np.ones_like(self.done.reshape(state.shape))
        first[:, 1:] = self.done.reshape(state.shape)[:, :-1]
        first = np.maximum.accumulate(np.where(first, state, 0), axis=1).reshape(-1, 1)
        back = np.arange(self.shape.frames - 1, -1, -1)
        table = torch.from_numpy(np.maximum(state.reshape(-1, 1) - back, first)).to(self.device)
        if not torch.equal(self.pictures[table, -1], self.pictures):
            raise SystemExit("the frames of a state are not the newest ones of those before it")
        return table

    def graph_batch(self, states):
        """States [n] on the workload's device -> one batch, token edges in both directions."""
        graphs = len(states)
        cells, graph_of_node, first = segments(self.node_offsets, states)
        edges, graph_of_edge, _ = segments(self.edge_offsets, states)
        shift = (graphs + first)[graph_of_edge]
        rows = torch.arange(graphs, graphs + len(cells), device=states.device)
        edge_features = self.edge_features[edges]
        return GraphBatch(
            graphs,
            self.node_features[cells],
            self.graph_features[states],
            torch.cat([self.edge_source[edges] + shift, rows, graph_of_node]),
            torch.cat([self.edge_target[edges] + shift, graph_of_node, rows]),
            torch.cat([edge_features, edge_features.new_zeros(2 * len(cells), 3)]),
            graph_of_node,
            self.action_mask[cells],
            cells,
        )


def segments(offsets, ids):
    """Ragged rows `ids`: their elements' indices, the row of each, each row's first position."""
    begin = offsets[ids]
    counts = offsets[ids + 1] - begin
    total = int(counts.sum())
    row = torch.repeat_interleave(counts, output_size=total)
    first = counts.cumsum(0) - counts
    return torch.arange(total, device=ids.device) + (begin - first)[row], row, first


def write_synthetic(path, steps, environments=8, cells=20, seed=0):
    """A stand-in for `bench_freeze --record`: the same shapes, random contents, tree-like edges."""
    random = np.random.default_rng(seed)
    nodes, edges = steps * cells, steps * (cells - 1)
    target = np.tile(np.arange(1, cells), steps)
    as_float = lambda *shape: random.standard_normal(shape).astype(np.float32)
    arrays = {
        "node_offsets": np.arange(0, nodes + 1, cells, dtype=np.int32),
        "node_features": as_float(nodes, 11),
        "graph_features": as_float(steps, 19),
        "edge_offsets": np.arange(0, edges + 1, cells - 1, dtype=np.int32),
        "edge_source": (random.random(edges) * target).astype(np.int32),
        "edge_target": target.astype(np.int32),
        "edge_features": as_float(edges, 3),
        "action_mask": np.ones((nodes, 2), np.uint8),
        "pictures": random.integers(0, 256, (steps, 1, 84, 84, 1)).astype(np.uint8),
        "rewards": as_float(steps, 6),
        "reward_weights": np.array([1.0, 0.4, 0.3, 0.2, 0.2, 0.3], np.float32),
    }
    write(path, arrays, environments, frames=1, rows=1, choices=0, dims=1, heads=5)


def write_pictures(path, steps, frames=3, values=2, environments=2, side=33, **action):
    """The same of another environment: `action` says rows, choices, dims and heads."""
    random = np.random.default_rng(0)
    each = random.integers(0, 256, (environments, steps // environments, side, side, 3))
    padded = np.concatenate([each[:, :1]] * (frames - 1) + [each], 1)
    stacked = [padded[:, k : k + each.shape[1]] for k in range(frames)]
    arrays = {
        "pictures": np.stack(stacked, 2).reshape(steps, frames, side, side, 3).astype(np.uint8),
        "values": random.standard_normal((steps, values)).astype(np.float32),
        "rewards": random.standard_normal((steps, 1)).astype(np.float32),
        "reward_weights": np.ones(1, np.float32),
    }
    write(path, arrays, environments, frames=frames, **action)


def write(path, arrays, environments, **shape):
    """Episodes end with the record."""
    steps = len(arrays["rewards"])
    done = np.zeros((environments, steps // environments), np.uint8)
    done[:, -1] = 1
    meta = {"environments": environments, "steps": steps, "epochs": 4, "minibatch": 64} | shape
    save_file({k: torch.from_numpy(v) for k, v in (arrays | {"done": done.reshape(-1)}).items()},
              path, {k: str(v) for k, v in meta.items()})

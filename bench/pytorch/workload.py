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
        long = ("node_offsets", "edge_offsets", "edge_source", "edge_target")
        for name, tensor in tensors.items():
            if name in ("rewards", "done"):
                continue
            tensor = tensor.long() if name in long else tensor
            setattr(self, name, tensor.bool().to(device) if name == "action_mask"
                    else tensor.to(device))
        states = len(self.rewards)
        if states != self.steps or states % self.environments or states != len(self.images):
            raise SystemExit(f"{path}: {states} rewards, {len(self.images)} images, "
                             f"{self.steps} steps, {self.environments} environments")

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
    done = np.zeros((environments, steps // environments), np.uint8)
    done[:, -1] = 1
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
        "images": random.integers(0, 256, (steps, 84, 84)).astype(np.uint8),
        "rewards": as_float(steps, 6),
        "done": done.reshape(-1),
    }
    save_file({k: torch.from_numpy(v) for k, v in arrays.items()}, path,
              {"environments": str(environments), "steps": str(steps), "epochs": "4",
               "minibatch": "64"})

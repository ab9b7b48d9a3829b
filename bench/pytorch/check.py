"""Checks that the PyTorch side computes what Frostline computes; prints one line each."""

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torchvision.models import get_model

from body import FORMS, FREEZE_MODES
from model import GraphAttention, PictureNet, build
from ppo import Trainer, advantages_and_returns, categorical, gaussian, surrogate, value_loss
from workload import PictureBatch, Shape, Workload, write_pictures, write_synthetic

sys.path.append(str(Path(__file__).parents[2] / "tests/golden"))
import closed_form

# Outputs of Frostline's network in `check_against_frostline`.
LOGITS = [0.742239, -1.79073, 0.0865082, 0.120366, -1.15734, 1.24007,
          0.68611, -1.70236, -0.225308, -0.444271, -1.16727, 1.17351]
VALUES = [-0.208549, 1.14493, -0.261693, 1.3518]


def close(name, got, expected, tolerance=1e-6):
    """Distance relative to the expected norm."""
    got, expected = torch.as_tensor(got).double(), torch.as_tensor(expected).double()
    error = ((got - expected).norm() / expected.norm()).item()
    if not error <= tolerance:
        raise SystemExit(f"{name}: relative difference {error:.1e}, more than {tolerance:.0e}")
    print(f"{name}: relative difference {error:.1e}")


def check_attention():
    """Three tokens, one head, worked out by hand."""
    layer = GraphAttention(2, heads=1)
    layer.edge = torch.nn.Linear(1, 2, bias=False)
    eye = torch.eye(2)
    with torch.no_grad():
        for linear, weight in ((layer.query, eye), (layer.key, eye), (layer.skip, 0.1 * eye),
                               (layer.value, torch.diag(torch.tensor([2.0, 1.0])))):
            linear.weight.copy_(weight)
            linear.bias.zero_()
        layer.edge.weight.copy_(torch.tensor([[0.5], [-0.5]]))
        x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        out = layer(x, torch.tensor([0, 1, 2]), torch.tensor([2, 2, 0]),
                    torch.tensor([[1.0], [2.0], [1.0]]))
    close("attention", out, [[2.6, 0.5], [0.0, 0.1], [1.85, -0.15]])


def check_losses():
    logp, advantage = torch.tensor([0.0, 0.2, 0.2, -0.2, -0.2]), torch.tensor([1.0, 1, -1, 1, -1])
    close("surrogate", surrogate(logp, torch.zeros(5), advantage),
          [-1, -1.1, 1.22140276, -0.81873075, 0.9])
    values = [value_loss(torch.tensor([[v]]), torch.tensor([[1.0]]), torch.tensor([[2.0]]), 1.0)
              for v in (1.5, 0.5, 1.1)]
    close("value loss", torch.stack(values), [0.64, 2.25, 0.81])
    logp, entropy = categorical(torch.tensor([[1.2, -0.3], [0.2, 0.0]]),
                                torch.tensor([[True, True], [True, False]]))
    close("categorical", logp[0], [-0.20141328, -1.70141328])
    close("masked entropy", entropy, [0.47505156, 0.0])
    logp, entropy = gaussian(torch.tensor([[-0.2, np.log(0.5)]]), torch.tensor([[0.1]]))
    close("gaussian", torch.stack([logp, entropy]), [[-0.40579135], [0.72579135]])


def check_advantages():
    rewards, values = np.zeros((1, 3, 6)), np.zeros((1, 3, 6))
    rewards[0], values[0] = np.array([1, 0, 2])[:, None], np.array([0.5, 0.4, 0.3])[:, None]
    for done, expected in ((True, [2.302846925, 1.49585, 1.7]),
                           (False, [2.8282638335, 2.054507, 2.294])):
        ends = np.array([[False, False, done]])
        advantages, _ = advantages_and_returns(rewards, values, ends, np.full((1, 6), 0.6))
        close("advantages", advantages[0, :, 0], expected)


def check_networks(workload):
    """All forms but the compiled ones agree with eager, and a batch with its single states."""
    for observation in ("graph", "image") if workload.has_graphs else ("image",):
        for mode in FREEZE_MODES:
            reference = outputs(observation, mode, "eager", workload)
            for form in FORMS:
                if form == "eager" or FORMS[form].compile:
                    continue
                # Rounding turns a few ReLUs over, which the gradients feel (in double: 1e-14).
                for kind, tolerance, a, b in zip(
                        ("outputs", "values", "gradients"), (2e-5, 2e-5, 5e-3),
                        outputs(observation, mode, form, workload), reference):
                    close(f"{observation} {mode} {form} {kind}", a, b, tolerance)


def outputs(observation, mode, form, workload):
    torch.manual_seed(1)
    network, _ = build(workload, observation, mode, FORMS[form])
    states = torch.arange(0, 6)
    graph = observation == "graph"
    observe = workload.graph_batch if graph else workload.picture_batch
    joined = lambda outputs: torch.cat([x.flatten(1) for x in outputs.values()], 1)
    output, values = network(observe(states))
    output = joined(output)
    with torch.no_grad():
        single, value = network(observe(states[4:5]))
    rows = slice(80, 100) if graph else slice(4, 5)
    close(f"{observation} {mode} {form} batched", output[rows], joined(single), 2e-5)
    close(f"{observation} {mode} {form} batched", values[4:5], value, 2e-5)
    (output.square().sum() + values.sum()).backward()
    gradients = [p.grad.flatten() for n, p in network.named_parameters()
                 if p.grad is not None and "_body." not in n]
    return output.detach(), values.detach(), torch.cat(gradients)


def check_kept(workload):
    """Features kept while collecting are those of the pictures, frame by frame."""
    kept = replace(FORMS["kept"], compile=False)
    torch.manual_seed(1)
    network, _ = build(workload, "image", "all", kept)
    network.critic_body = network.actor_body
    trainer = Trainer(network, workload, kept)
    trainer.update(workload.steps, 1)
    states = torch.arange(workload.steps)
    with torch.no_grad():
        for part, expected in network(workload.picture_batch(states))[0].items():
            close(f"kept {part}", network(trainer.observe(states))[0][part], expected, 2e-5)


def check_against_frostline():
    """Closed-form weights and pictures; tests/models/image_actor_critic_test.cpp holds Frostline
    to the same numbers."""
    def fill(name, like):
        return torch.from_numpy(closed_form.tensor(name, tuple(like.shape)))

    body = {name: fill(name, value) for name, value in get_model("resnet18").state_dict().items()
            if not name.endswith("num_batches_tracked")}
    network = PictureNet(Shape(frames=3, channels=3, values=2, rows=2, choices=3, dims=0, heads=0,
                               components=2), "resnet18", body)
    for side in (network.actor_body, network.critic_body):
        side.prepare(FORMS["eager"], learns_below=False)
    names = {"actor_trunk": "actor.trunk", "critic_trunk": "critic.trunk",
             "discrete": "actor.discrete", "value_heads": "critic.value_heads"}
    with torch.no_grad():
        for name, parameter in network.train().named_parameters():
            part, _, rest = name.partition(".")
            if part in names:
                parameter.copy_(fill(f"{names[part]}.{rest}", parameter))
        pictures = closed_form.values("pictures", (2, 3, 33, 33, 3), 128.0, 128.0).astype(np.uint8)
        values = closed_form.values("values", (2, 2), 1.0)
        outputs, judged = network(PictureBatch(torch.from_numpy(pictures),
                                               torch.from_numpy(values)))
    close("logits", outputs["discrete"].flatten(), LOGITS, 1e-5)
    close("values", judged.flatten(), VALUES, 1e-5)


def main():
    check_attention()
    check_losses()
    check_advantages()
    check_against_frostline()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "workload.safetensors")
        write_synthetic(path, 8)
        check_networks(Workload(path))
        for action in ({"rows": 2, "choices": 3, "dims": 0, "heads": 0},
                       {"rows": 1, "choices": 2, "dims": 2, "heads": 3}):
            write_pictures(path, 8, **action)
            check_networks(Workload(path))
            check_kept(Workload(path))


if __name__ == "__main__":
    main()

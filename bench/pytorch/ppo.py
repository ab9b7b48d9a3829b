"""PPO on the recorded workload with Frostline's losses and defaults, timed in its two halves."""

import math
import time

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_

from model import parameter_groups
from workload import PictureBatch

GAMMA, LAMBDA, CLIP, VALUE_CLIP, VALUE_WEIGHT, MAX_NORM = 0.99, 0.95, 0.1, 0.2, 0.5, 0.5
POLICY_WEIGHT = {"discrete": 0.7, "continuous": 0.3}
ENTROPY_WEIGHT = {"discrete": 0.25 * 1.5, "continuous": 0.25 * 1.0}
WARM_UP = 1 / 20  # factor of the learning rates in the first update


def categorical(logits, mask=None):
    """Log-probabilities [..., choices], masked, and entropies."""
    if mask is None:
        logp = logits.log_softmax(-1)
        return logp, -(logp.exp() * logp).sum(-1)
    logp = logits.masked_fill(~mask, -math.inf).log_softmax(-1)
    return logp, -(logp.exp() * logp.masked_fill(~mask, 0)).sum(-1)


def gaussian(parameters, raw):
    """Log-density at the raw sample [..., dims] and entropy; the deviation within [1e-3, 2]."""
    mean, log_sigma = split(parameters)
    z = (raw - mean) * (-log_sigma).exp()
    half_log_2pi = 0.91893853
    return ((-0.5 * z * z - log_sigma - half_log_2pi).sum(-1),
            (0.5 + half_log_2pi + log_sigma).sum(-1))


def split(parameters):
    mean, log_sigma = parameters.chunk(2, -1)
    return mean, log_sigma.clamp(-6.9077553, 0.69314718)


def surrogate(logp, old_logp, advantage):
    ratio = (logp - old_logp).exp()
    return -torch.min(ratio * advantage, ratio.clamp(1 - CLIP, 1 + CLIP) * advantage)


def value_loss(values, old_values, returns, weights):
    clipped = old_values + (values - old_values).clamp(-VALUE_CLIP, VALUE_CLIP)
    loss = torch.max((values - returns) ** 2, (clipped - returns) ** 2)
    return (loss.mean(0) * weights).sum()


def advantages_and_returns(rewards, values, done, last_values):
    """Per component; [environments, time, components] and done [environments, time]."""
    advantages = np.zeros_like(rewards)
    next_advantage, next_value = np.zeros_like(last_values), last_values
    for t in reversed(range(rewards.shape[1])):
        alive = ~done[:, t, None]
        delta = rewards[:, t] + GAMMA * next_value * alive - values[:, t]
        next_advantage = delta + GAMMA * LAMBDA * next_advantage * alive
        advantages[:, t], next_value = next_advantage, values[:, t]
    return advantages, advantages + values


def combine(advantages, rewards, weights):
    """One standardised advantage per state from its components but the total, if it has any;
    [n, components] -> [n]."""
    advantages = np.where((rewards != 0).any(0), advantages, 0)
    spread = advantages.std(0)
    weights = np.where(spread < 1e-8, 0, weights)
    if len(weights) > 1:
        weights[0] = 0
    combined = (advantages * weights / np.maximum(spread, 1e-8)).sum(1) / max(weights.sum(), 1e-8)
    return (combined - combined.mean()) / (combined.std() + 1e-8)


class Trainer:
    """One network learning from one workload; `update` does what Frostline's Ppo::update does."""

    def __init__(self, network, workload, form, bf16=False):
        self.network, self.workload, self.form, self.bf16 = network, workload, form, bf16
        self.device = workload.device
        self.graph = network.observation == "graph"
        self.optimizer = torch.optim.Adam(parameter_groups(network, WARM_UP),
                                          fused=True if form.tuned_loop else None)
        self.parameters = [p for g in self.optimizer.param_groups for p in g["params"]]
        self.weights = torch.from_numpy(workload.reward_weights).to(self.device)
        if form.keep:
            self.frame_states = workload.frame_states()
            self.kept = torch.zeros(workload.steps, network.actor_body.features,
                                    device=self.device)

    def update(self, steps, epochs):
        """Learns from the first `steps` states; seconds of (collection, learning)."""
        w = self.workload
        time_steps = steps // w.environments
        grid = np.arange(w.environments)[:, None] * (w.steps // w.environments)
        grid = torch.from_numpy(grid + np.arange(time_steps)).to(self.device)
        start = self.now()
        self.collect(grid)
        middle = self.now()
        self.learn(grid, epochs)
        return middle - start, self.now() - middle

    def now(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def not_learning(self):
        return torch.inference_mode() if self.form.tuned_loop else torch.no_grad()

    def observe(self, states):
        w = self.workload
        if self.form.keep:
            kept = self.kept[self.frame_states[states].flatten()]
            return PictureBatch(None, w.values_of(states), kept)
        return w.graph_batch(states) if self.graph else w.picture_batch(states)

    def run(self, forward, observation):
        """`forward` in the products' precision, its results in float32."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            results = forward(observation)
        if isinstance(results, tuple):
            outputs, values = results
            return {part: output.float() for part, output in outputs.items()}, values.float()
        return results.float()

    def collect(self, grid):
        """One forward of all environments per time step; samples, scores and keeps."""
        w, shape = self.workload, self.workload.shape
        zeros = lambda *sizes: torch.zeros(*sizes, device=self.device)
        if self.graph:
            cells = len(w.node_features)
            self.actions, self.old_logp = {"discrete": zeros(cells)}, {"discrete": zeros(cells)}
        else:
            self.actions = {"discrete": zeros(w.steps, shape.rows),
                            "continuous": zeros(w.steps, shape.rows, shape.dims)}  # raw samples
            self.old_logp = {part: zeros(w.steps, shape.rows) for part in self.actions}
        self.old_values = zeros(w.steps, shape.components)
        for column in grid.unbind(1):
            with self.not_learning():
                self.keep_features(column)
                observation = self.observe(column)
                outputs, values = self.run(self.network, observation)
                index = observation.cell_index if self.graph else column
                for part, output in outputs.items():
                    action = self.sample(part, output, observation)
                    logp, _ = self.evaluate(part, output, observation, action)
                    self.actions[part][index], self.old_logp[part][index] = action, logp
                self.old_values[column] = values

    def keep_features(self, states):
        """Of the newest frames; those before them are kept already."""
        if self.form.keep:
            pictures = self.workload.pictures[states, -1]
            self.kept[states] = self.run(self.network.encode, pictures)

    def sample(self, part, output, observation):
        if part == "continuous":
            mean, log_sigma = split(output)
            return mean + log_sigma.exp() * torch.randn_like(mean)
        logp, _ = categorical(output, self.mask(observation))
        return (logp.exp() / torch.empty_like(logp).exponential_()).argmax(-1).float()

    def evaluate(self, part, output, observation, action):
        if part == "continuous":
            return gaussian(output, action)
        logp, entropy = categorical(output, self.mask(observation))
        return logp.gather(-1, action.long().unsqueeze(-1)).squeeze(-1), entropy

    def mask(self, observation):
        return observation.action_mask if self.graph else None

    def learn(self, grid, epochs):
        self.estimate_advantages(grid)
        states = grid.flatten()
        for _ in range(epochs):
            order = states[torch.randperm(len(states), device=self.device)]
            for minibatch in order.split(self.workload.minibatch):
                self.learn_minibatch(minibatch)

    def estimate_advantages(self, grid):
        w, ids = self.workload, grid.cpu().numpy()
        with self.not_learning():  # the replay begins anew, with what would be new pictures
            self.keep_features(grid[:, 0])
            last_values = self.run(self.network.values, self.observe(grid[:, 0]))
        last_values = last_values.double().cpu().numpy()
        rewards = w.rewards[ids].astype(np.float64)
        values = self.old_values.double().cpu().numpy()[ids]
        advantages, returns = advantages_and_returns(rewards, values, w.done[ids], last_values)
        flat = lambda x: x.reshape(-1, w.shape.components)
        returns = flat(returns)
        spread = returns.std(0)
        returns = (returns - returns.mean(0)) / np.where(spread < 1e-8, 1, spread)
        combined = combine(flat(advantages), flat(rewards), w.reward_weights)
        self.advantages = self.scatter(grid, combined)
        self.returns = self.scatter(grid, returns)

    def scatter(self, grid, rows):
        """Rows of the states in `grid` -> an array over all states of the workload."""
        rows = torch.from_numpy(rows).float().to(self.device)
        out = torch.zeros(len(self.workload.rewards), *rows.shape[1:], device=self.device)
        out[grid.flatten()] = rows
        return out

    def learn_minibatch(self, states):
        observation = self.observe(states)
        outputs, values = self.run(self.network, observation)
        index, mean = states, torch.mean
        advantage = self.advantages[states].unsqueeze(-1)
        if self.graph:
            index, row = observation.cell_index, observation.graph_of_node
            advantage = self.advantages[states][row]
            share = 1 / (torch.bincount(row, minlength=len(states))[row] * len(states))
            mean = lambda x: (x * share).sum()
        loss = VALUE_WEIGHT * value_loss(values, self.old_values[states], self.returns[states],
                                         self.weights)
        for part, output in outputs.items():
            logp, entropy = self.evaluate(part, output, observation, self.actions[part][index])
            policy = surrogate(logp, self.old_logp[part][index], advantage)
            loss = loss + POLICY_WEIGHT[part] * mean(policy) - ENTROPY_WEIGHT[part] * mean(entropy)
        self.optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(self.parameters, MAX_NORM, foreach=True if self.form.tuned_loop else None)
        self.optimizer.step()
        if not math.isfinite(loss.item()):
            raise SystemExit(f"the loss is not finite: {loss.item()}")

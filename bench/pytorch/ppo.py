"""PPO on the recorded workload with Frostline's losses and defaults, timed in its two halves."""

import math
import time

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_

from model import parameter_groups

GAMMA, LAMBDA, CLIP, VALUE_CLIP, VALUE_WEIGHT, MAX_NORM = 0.99, 0.95, 0.1, 0.2, 0.5, 0.5
POLICY_WEIGHT = {"graph": 0.7, "image": 0.3}  # of discrete and of continuous actions
ENTROPY_WEIGHT = {"graph": 0.25 * 1.5, "image": 0.25 * 1.0}
COMPONENT_WEIGHTS = (1.0, 0.4, 0.3, 0.2, 0.2, 0.3)
WARM_UP = 1 / 20  # factor of the learning rates in the first update


def categorical(logits, mask):
    """Masked log-probabilities [cells, 2] and entropies [cells]."""
    logp = logits.masked_fill(~mask, -math.inf).log_softmax(-1)
    return logp, -(logp.exp() * logp.masked_fill(~mask, 0)).sum(-1)


def gaussian(parameters, raw):
    """Log-density at the raw sample and entropy, [n] each; the deviation within [1e-3, 2]."""
    mean, log_sigma = parameters[:, 0], parameters[:, 1].clamp(-6.9077553, 0.69314718)
    z = (raw - mean) * (-log_sigma).exp()
    half_log_2pi = 0.91893853
    return -0.5 * z * z - log_sigma - half_log_2pi, 0.5 + half_log_2pi + log_sigma


def surrogate(logp, old_logp, advantage):
    ratio = (logp - old_logp).exp()
    return -torch.min(ratio * advantage, ratio.clamp(1 - CLIP, 1 + CLIP) * advantage)


def value_loss(values, old_values, returns, weights):
    clipped = old_values + (values - old_values).clamp(-VALUE_CLIP, VALUE_CLIP)
    loss = torch.max((values - returns) ** 2, (clipped - returns) ** 2)
    return (loss.mean(0) * weights).sum()


def advantages_and_returns(rewards, values, done, last_values):
    """Per component; [environments, time, 6] and done [environments, time]."""
    advantages = np.zeros_like(rewards)
    next_advantage, next_value = np.zeros_like(last_values), last_values
    for t in reversed(range(rewards.shape[1])):
        alive = ~done[:, t, None]
        delta = rewards[:, t] + GAMMA * next_value * alive - values[:, t]
        next_advantage = delta + GAMMA * LAMBDA * next_advantage * alive
        advantages[:, t], next_value = next_advantage, values[:, t]
    return advantages, advantages + values


def combine(advantages, rewards):
    """One standardised advantage per state from its components but the total; [n, 6] -> [n]."""
    advantages = np.where((rewards != 0).any(0), advantages, 0)
    spread = advantages.std(0)
    weights = np.where(spread < 1e-8, 0, COMPONENT_WEIGHTS)
    weights[0] = 0
    combined = (advantages * weights / np.maximum(spread, 1e-8)).sum(1) / max(weights.sum(), 1e-8)
    return (combined - combined.mean()) / (combined.std() + 1e-8)


class Trainer:
    """One network learning from one workload; `update` does what Frostline's Ppo::update does."""

    def __init__(self, network, workload, form, device, bf16=False):
        self.network, self.workload, self.form, self.device = network, workload, form, device
        self.bf16 = bf16
        self.graph = network.observation == "graph"
        self.optimizer = torch.optim.Adam(parameter_groups(network, WARM_UP),
                                          fused=True if form.tuned_loop else None)
        self.parameters = [p for g in self.optimizer.param_groups for p in g["params"]]
        self.weights = torch.tensor(COMPONENT_WEIGHTS, device=device)

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
        return w.graph_batch(states) if self.graph else w.images[states]

    def run(self, forward, observation):
        """`forward` in the products' precision, its results in float32."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            results = forward(observation)
        if isinstance(results, tuple):
            return tuple(result.float() for result in results)
        return results.float()

    def collect(self, grid):
        """One forward of all environments per time step; samples, scores and keeps."""
        states = len(self.workload.rewards)
        decisions = len(self.workload.node_features) if self.graph else states
        self.old_logp = torch.zeros(decisions, device=self.device)
        self.actions = torch.zeros(decisions, device=self.device)  # raw samples; 1: delete
        self.old_values = torch.zeros(states, 6, device=self.device)
        for column in grid.unbind(1):
            with self.not_learning():
                observation = self.observe(column)
                output, values = self.run(self.network, observation)
                action = self.sample(output, observation)
                logp, _ = self.evaluate(output, observation, action)
                index = observation.cell_index if self.graph else column
                self.actions[index], self.old_logp[index] = action, logp
                self.old_values[column] = values

    def sample(self, output, observation):
        if self.graph:
            logp, _ = categorical(output, observation.action_mask)
            return (torch.rand_like(logp[:, 0]) >= logp[:, 0].exp()).float()
        sigma = output[:, 1].clamp(-6.9077553, 0.69314718).exp()
        return output[:, 0] + sigma * torch.randn_like(sigma)

    def evaluate(self, output, observation, action):
        if not self.graph:
            return gaussian(output, action)
        logp, entropy = categorical(output, observation.action_mask)
        return logp.gather(1, action.long().unsqueeze(1)).squeeze(1), entropy

    def learn(self, grid, epochs):
        self.estimate_advantages(grid)
        states = grid.flatten()
        for _ in range(epochs):
            order = states[torch.randperm(len(states), device=self.device)]
            for minibatch in order.split(self.workload.minibatch):
                self.learn_minibatch(minibatch)

    def estimate_advantages(self, grid):
        w, ids = self.workload, grid.cpu().numpy()
        with self.not_learning():  # the replay begins anew
            last_values = self.run(self.network.values, self.observe(grid[:, 0]))
        last_values = last_values.double().cpu().numpy()
        rewards = w.rewards[ids].astype(np.float64)
        values = self.old_values.double().cpu().numpy()[ids]
        advantages, returns = advantages_and_returns(rewards, values, w.done[ids], last_values)
        flat_rewards, returns = rewards.reshape(-1, 6), returns.reshape(-1, 6)
        spread = returns.std(0)
        returns = (returns - returns.mean(0)) / np.where(spread < 1e-8, 1, spread)
        self.advantages = self.scatter(grid, combine(advantages.reshape(-1, 6), flat_rewards))
        self.returns = self.scatter(grid, returns)

    def scatter(self, grid, rows):
        """Rows of the states in `grid` -> an array over all states of the workload."""
        rows = torch.from_numpy(rows).float().to(self.device)
        out = torch.zeros(len(self.workload.rewards), *rows.shape[1:], device=self.device)
        out[grid.flatten()] = rows
        return out

    def learn_minibatch(self, states):
        observation = self.observe(states)
        output, values = self.run(self.network, observation)
        index, advantage = states, self.advantages[states]
        if self.graph:
            index, row = observation.cell_index, observation.graph_of_node
            advantage = advantage[row]
            share = 1 / (torch.bincount(row, minlength=len(states))[row] * len(states))
        logp, entropy = self.evaluate(output, observation, self.actions[index])
        policy = surrogate(logp, self.old_logp[index], advantage)
        if self.graph:
            policy, entropy = (policy * share).sum(), (entropy * share).sum()
        else:
            policy, entropy = policy.mean(), entropy.mean()
        value = value_loss(values, self.old_values[states], self.returns[states], self.weights)
        kind = self.network.observation
        loss = POLICY_WEIGHT[kind] * policy - ENTROPY_WEIGHT[kind] * entropy + VALUE_WEIGHT * value
        self.optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(self.parameters, MAX_NORM, foreach=True if self.form.tuned_loop else None)
        self.optimizer.step()
        if not math.isfinite(loss.item()):
            raise SystemExit(f"the loss is not finite: {loss.item()}")

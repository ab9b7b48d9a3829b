"""PPO with CleanRL's defaults on one Gymnasium environment: the peer of configs/reference/.

CleanRL's structure and settings (ppo.py and, where actions are continuous, ppo_continuous_action.py
without its wrappers): synchronous environments that restart in the step that ends them, one Adam
over both networks, a time limit counted as an end. What the rollout shows is timed from the first
reset to the last update, without imports.
"""

import argparse
import json
import math
import time
from pathlib import Path

import gymnasium
import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical, Normal


def linear(inputs, outputs, gain):
    layer = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(layer.weight, gain)
    nn.init.zeros_(layer.bias)
    return layer


def perceptron(inputs, outputs, gain):
    root2 = math.sqrt(2.0)
    return nn.Sequential(linear(inputs, 64, root2), nn.Tanh(), linear(64, 64, root2), nn.Tanh(),
                         linear(64, outputs, gain))


class ActorCritic(nn.Module):
    """Separate networks for policy and value; a Gaussian's deviation does not depend on the state."""

    def __init__(self, observations, actions):
        super().__init__()
        inputs = int(np.prod(observations.shape))
        self.discrete = isinstance(actions, gymnasium.spaces.Discrete)
        outputs = int(actions.n) if self.discrete else int(np.prod(actions.shape))
        self.critic = perceptron(inputs, 1, 1.0)
        self.actor = perceptron(inputs, outputs, 0.01)
        if not self.discrete:
            self.log_deviation = nn.Parameter(torch.zeros(1, outputs))

    def value(self, states):
        return self.critic(states).squeeze(-1)

    def policy(self, states):
        output = self.actor(states)
        if self.discrete:
            return Categorical(logits=output)
        return Normal(output, self.log_deviation.expand_as(output).exp())

    def logp(self, policy, action):
        return policy.log_prob(action) if self.discrete else policy.log_prob(action).sum(-1)

    def entropy(self, policy):
        return policy.entropy() if self.discrete else policy.entropy().sum(-1)


class Rollout:
    """Storage [steps, environments] of one update."""

    def __init__(self, options, environments):
        shape = (options.rollout, options.envs)
        self.states = torch.zeros(shape + environments.single_observation_space.shape)
        self.actions = torch.zeros(shape + environments.single_action_space.shape)
        self.logp, self.rewards, self.done, self.values = (torch.zeros(shape) for _ in range(4))


class Trainer:
    def __init__(self, options):
        self.options = options
        torch.manual_seed(options.seed)
        np.random.seed(options.seed)
        make = lambda: gymnasium.wrappers.RecordEpisodeStatistics(gymnasium.make(options.env))
        self.environments = gymnasium.vector.SyncVectorEnv(
            [make] * options.envs, autoreset_mode=gymnasium.vector.AutoresetMode.SAME_STEP)
        self.agent = ActorCritic(self.environments.single_observation_space,
                                 self.environments.single_action_space)
        self.optimizer = torch.optim.Adam(self.agent.parameters(), lr=options.lr, eps=1e-5)
        self.rollout = Rollout(options, self.environments)
        self.returns = []
        first, _ = self.environments.reset(seed=options.seed)
        self.state, self.done = torch.tensor(first), torch.zeros(options.envs)

    def executed(self, action):
        actions = action.numpy()
        if self.agent.discrete:
            return actions
        space = self.environments.single_action_space
        return np.clip(actions, space.low, space.high)

    def collect(self):
        r = self.rollout
        for t in range(self.options.rollout):
            r.states[t], r.done[t] = self.state, self.done
            with torch.no_grad():
                policy = self.agent.policy(self.state)
                action = policy.sample()
                r.logp[t] = self.agent.logp(policy, action)
                r.values[t] = self.agent.value(self.state)
            r.actions[t] = action
            state, reward, terminated, truncated, info = self.environments.step(
                self.executed(action))
            r.rewards[t] = torch.tensor(reward)
            self.state = torch.tensor(state)
            self.done = torch.tensor(np.logical_or(terminated, truncated), dtype=torch.float32)
            if "final_info" in info:
                ended = info["final_info"]["episode"]
                self.returns += ended["r"][info["_final_info"]].tolist()

    def advantages(self):
        r, o = self.rollout, self.options
        with torch.no_grad():
            next_value, alive = self.agent.value(self.state), 1.0 - self.done
        advantages, running = torch.zeros_like(r.rewards), 0.0
        for t in reversed(range(o.rollout)):
            delta = r.rewards[t] + o.gamma * next_value * alive - r.values[t]
            advantages[t] = running = delta + o.gamma * o.gae_lambda * alive * running
            next_value, alive = r.values[t], 1.0 - r.done[t]
        return advantages

    def loss(self, batch, rows):
        o = self.options
        states, actions, old_logp, advantages, returns, old_values = (x[rows] for x in batch)
        policy, values = self.agent.policy(states), self.agent.value(states)
        ratio = (self.agent.logp(policy, actions) - old_logp).exp()
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        surrogate = torch.min(advantages * ratio, advantages * ratio.clamp(1 - o.clip, 1 + o.clip))
        errors = (values - returns) ** 2
        if o.clip_values:
            near = old_values + (values - old_values).clamp(-o.clip, o.clip)
            errors = torch.max(errors, (near - returns) ** 2)
        return (-surrogate.mean() - o.entropy * self.agent.entropy(policy).mean() +
                o.value_weight * 0.5 * errors.mean())

    def learn(self):
        r, o = self.rollout, self.options
        advantages = self.advantages()
        batch = [x.flatten(0, 1) for x in
                 (r.states, r.actions, r.logp, advantages, advantages + r.values, r.values)]
        order = np.arange(o.envs * o.rollout)
        size = len(order) // o.minibatches
        for _ in range(o.epochs):
            np.random.shuffle(order)
            for begin in range(0, len(order), size):
                loss = self.loss(batch, order[begin:begin + size])
                self.optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self.agent.parameters(), o.max_norm)
                self.optimizer.step()

    def train(self):
        o = self.options
        updates = o.steps // (o.envs * o.rollout)
        for update in range(updates):
            self.optimizer.param_groups[0]["lr"] = o.lr * (
                1.0 - update / updates if o.anneal else 1.0)
            self.collect()
            self.learn()
        return updates * o.envs * o.rollout


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--env", default="CartPole-v1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=500_000)
    parser.add_argument("--envs", type=int, default=4)
    parser.add_argument("--rollout", type=int, default=128, help="steps of each environment")
    parser.add_argument("--minibatches", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--lr", type=float, default=2.5e-4)
    parser.add_argument("--no-anneal", dest="anneal", action="store_false")
    parser.add_argument("--gamma", type=float, default=0.99)
    parser.add_argument("--gae-lambda", type=float, default=0.95)
    parser.add_argument("--clip", type=float, default=0.2)
    parser.add_argument("--no-clip-values", dest="clip_values", action="store_false")
    parser.add_argument("--entropy", type=float, default=0.01)
    parser.add_argument("--value-weight", type=float, default=0.5)
    parser.add_argument("--max-norm", type=float, default=0.5)
    parser.add_argument("--threads", type=int, default=0, help="0: PyTorch's own choice")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def main():
    options = parse_options()
    if options.threads:
        torch.set_num_threads(options.threads)
    start = time.perf_counter()
    trainer = Trainer(options)
    steps = trainer.train()
    seconds = time.perf_counter() - start
    last = trainer.returns[-100:]
    result = {"torch": torch.__version__, "gymnasium": gymnasium.__version__,
              "threads": torch.get_num_threads(), "env": options.env, "seed": options.seed,
              "steps": steps, "seconds": seconds,
              "last_100_return": float(np.mean(last)) if last else None}
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()

"""Vector environments of the tests, in plain Python: what gymnasium.vector.VectorEnv documents."""

import os

from python_tasks import Box, Picture, Rendered, Slow, Task


class Uneven(Task):
    """Episodes of 2 to 6 steps."""

    def reset(self, *, seed=None, options=None):
        shown = super().reset(seed=seed)
        self.end = 2 + self.seed % 5
        return shown


class Tasks:
    """Sub-environments that are stepped by one call; `mode` is what happens at an end."""

    kind = Uneven

    def __init__(self, num_envs, mode="Disabled", faulty=None, **kwargs):
        fault = kwargs.pop("fault", "")
        self.envs = [self.kind(fault=fault if k == faulty else "", **kwargs)
                     for k in range(num_envs)]
        self.num_envs, self.metadata, self.closed = num_envs, {"autoreset_mode": mode}, False
        self.single_observation_space = self.envs[0].observation_space
        self.single_action_space = self.envs[0].action_space
        self.spec, self.seed = self.envs[0].spec, 0
        self.over = [False] * num_envs

    def batched(self, states):
        if isinstance(states[0], dict):
            return {key: [state[key] for state in states] for key in states[0]}
        return states

    def next_seed(self):
        self.seed += 1
        return self.seed

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.seed = int(seed)  # of all of them
        mask = (options or {}).get("reset_mask", [True] * self.num_envs)
        if len(mask) != self.num_envs or not any(mask):
            raise ValueError(f"the mask is {mask}")
        if options and self.metadata["autoreset_mode"] != "Disabled":
            raise ValueError("it has no masks")
        for k, env in enumerate(self.envs):
            if mask[k]:
                env.reset(seed=self.next_seed())
                self.over[k] = False
        return self.batched([env.observed() for env in self.envs]), {}

    def step(self, actions):
        if any(self.over):
            raise ValueError("an episode is over")
        states, rewards, ends, cuts, _ = zip(*(e.step(a) for e, a in zip(self.envs, actions)))
        cuts = [env.steps == env.spec.max_episode_steps for env in self.envs]
        states, infos = list(states), {}
        for k, env in enumerate(self.envs):
            if not (ends[k] or cuts[k]):
                continue
            if self.metadata["autoreset_mode"] == "Disabled":
                self.over[k] = True
            else:
                infos.setdefault("final_obs", [None] * self.num_envs)[k] = states[k]
                env.reset(seed=self.next_seed())
                states[k] = env.observed()
        return self.batched(states), rewards, ends, cuts, infos

    def render(self):
        return [env.render() for env in self.envs]

    def close(self):
        self.closed = True


class Pictures(Tasks):
    kind = Picture


class ChannelsFirst(Task):
    """Pictures of 3 x 4 x 6, as arrays."""

    def __init__(self, **kwargs):
        super().__init__(observation=Box(0, 255, (3, 4, 6), "uint8"), **kwargs)

    def observed(self):
        import numpy
        return numpy.arange(72, dtype=numpy.uint8).reshape(3, 4, 6) + numpy.uint8(self.steps)


class ArraysOfPictures(Tasks):
    kind = ChannelsFirst

    def batched(self, states):
        import numpy
        return numpy.stack(states)


class Frames(Tasks):
    kind = Rendered


class SlowTasks(Tasks):
    kind = Slow


class Announced(Tasks):
    """Prints when it is made and closed."""

    def __init__(self, num_envs, **kwargs):
        super().__init__(num_envs, **kwargs)
        print(f"made {num_envs}")

    def close(self):
        print(f"closed {self.num_envs}")


class TooMany(Announced):
    def __init__(self, num_envs):
        super().__init__(num_envs + (num_envs > 1))


class Open(Tasks):
    """Cannot be closed."""

    def close(self):
        if self.num_envs > 1:
            raise RuntimeError("a window is open")


class Quiet(Tasks):
    """Says no mode."""

    def __init__(self, num_envs):
        super().__init__(num_envs)
        self.metadata = {}


def unaware():
    return Tasks(3)


def single(num_envs):
    return Task()


class FirstSeed:
    """Gymnasium's environment that is seeded once, as under autoreset in the same step."""

    def __init__(self, name, **kwargs):
        import gymnasium
        self.env = gymnasium.make(name, **kwargs)
        self.spec, self.seeded = self.env.spec, False
        self.observation_space = self.env.observation_space
        self.action_space = self.env.action_space

    def reset(self, *, seed=None, options=None):
        seeded, self.seeded = self.seeded, True
        return self.env.reset(seed=None if seeded else seed)

    def step(self, action):
        return self.env.step(action)


def faulty(num_envs, kind="SyncVectorEnv", place=1, fault="", at=2, reshaped=False, **kwargs):
    """CartPole-v1 whose sub-environment `place` fails in its step `at`."""
    import gymnasium

    class Faulty(gymnasium.Wrapper):
        steps = 0

        def step(self, action):
            self.steps += 1
            observation, *rest = super().step(action)
            if self.steps == at and fault == "raise":
                raise RuntimeError("out of fuel")
            if self.steps == at and fault == "kill":
                os.kill(os.getpid(), 9)
            if self.steps == at and fault == "nan":
                observation = observation * float("nan")
            if self.steps == at and fault == "shape":
                observation = observation[:2]
            return observation, *rest

    def maker(k):
        return lambda: (Faulty if k == place else gymnasium.Wrapper)(
            gymnasium.make("CartPole-v1"))

    env = getattr(gymnasium.vector, kind)([maker(k) for k in range(num_envs)], **kwargs)
    return gymnasium.wrappers.vector.ReshapeObservation(env, (2, 2)) if reshaped else env


def normalised(num_envs, name, **kwargs):
    import gymnasium
    env = gymnasium.make_vec("CartPole-v1", num_envs, "sync", **kwargs)
    return getattr(gymnasium.wrappers.vector, name)(env)

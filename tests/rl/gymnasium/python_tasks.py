"""Environments of the tests, in plain Python: Gymnasium's interface without Gymnasium or NumPy."""

import os
import struct
import time


class Discrete:
    def __init__(self, n, start=0):
        self.n, self.start = n, start


class MultiDiscrete:
    def __init__(self, nvec):
        self.nvec = nvec


class Box:
    def __init__(self, low, high, shape, dtype="float32"):
        self.low, self.high, self.shape, self.dtype = low, high, shape, dtype


class Dict:
    def __init__(self, spaces):
        self.spaces = spaces


class Text:
    def __repr__(self):
        return "Text(1, 20)"


class Spec:
    def __init__(self, max_episode_steps):
        self.max_episode_steps = max_episode_steps


class Task:
    """Counts: an observation is (seed, steps, sum of the decisions). What it does besides, and in
    which step, its arguments say."""

    def __init__(self, limit=10, end=0, fault="", at=3, observation=None, action=None):
        self.spec = Spec(limit) if limit else None
        self.end, self.fault, self.at = end, fault, at
        self.observation_space = observation or Box([0] * 3, [1e9] * 3, (3,))
        self.action_space = action or Discrete(3, start=5)
        self.metadata = {}
        if fault == "init":
            raise ValueError("no such level")

    def reset(self, *, seed=None, options=None):
        self.seed, self.steps, self.sum = seed % 1000, 0, 0
        return self.observed(), {}

    def observed(self):
        return [self.seed, self.steps, self.sum]

    def decided(self, action):
        return action

    def step(self, action):
        self.steps += 1
        self.sum += self.decided(action)
        observation, reward = self.observed(), 0.5 * self.sum
        if self.fault and self.steps == self.at:
            observation, reward = self.fail(observation, reward)
        return observation, reward, self.steps == self.end, False, {}

    def fail(self, observation, reward):
        if self.fault == "raise":
            raise RuntimeError("the simulator is\nout of fuel")
        if self.fault == "exit":
            os._exit(7)
        if self.fault == "kill":
            os.kill(os.getpid(), 9)
        if self.fault == "hang":
            time.sleep(3600)
        if self.fault == "print":
            print("two lines\nof a print")
        if self.fault == "shape":
            return observation[:2], reward
        if self.fault == "nan":
            return [0, float("nan"), 0], reward
        if self.fault == "nan reward":
            return observation, float("nan")
        return observation, reward


class Saved(Task):
    """The same, saved and restored."""

    def get_state(self):
        return struct.pack("3q", self.seed, self.steps, self.sum)

    def set_state(self, state):
        self.seed, self.steps, self.sum = struct.unpack("3q", state)


class Intervals(Task):
    """Two continuous values; observed as they were executed, one row of a matrix each."""

    def __init__(self, **kwargs):
        super().__init__(observation=Box(0, 0, (2, 1)),
                         action=Box([-2.0, 0.0], [2.0, 0.5], (2,)), **kwargs)
        self.last = [0, 0]

    def observed(self):
        return [[self.last[0]], [self.last[1]]]

    def decided(self, action):
        self.last = list(action)
        return 0


class Rows(Task):
    """Three decisions of four; a symbol is shown."""

    def __init__(self, **kwargs):
        super().__init__(observation=Discrete(4), action=MultiDiscrete([4, 4, 4]), **kwargs)

    def observed(self):
        return self.sum % 4

    def decided(self, action):
        return action[0] + 10 * action[1] + 100 * action[2]


class Hybrid(Intervals):
    """A choice beside the two values."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.action_space = Dict({"turn": Discrete(3, start=5), "speed": self.action_space})

    def decided(self, action):
        super().decided(action["speed"])
        return action["turn"]


class Picture(Task):
    """A picture of 4 x 6 pixels of three colours, all of them the number of steps, and two numbers
    beside it."""

    def __init__(self, channels=3, **kwargs):
        self.frame = (4, 6, channels)
        picture = Box(0, 255, self.frame, "uint8")
        super().__init__(observation=Dict({"camera": picture, "body": Box(0, 1, (2,))}), **kwargs)

    def observed(self):
        count = self.frame[0] * self.frame[1] * self.frame[2]
        pixels = bytes((self.steps * 16 + i) % 256 for i in range(count))
        return {"camera": pixels, "body": (self.steps, -self.steps)}


class Frame(bytes):
    """What render() gives, as far as it is looked at."""

    shape, dtype = (4, 6, 3), "uint8"


class Rendered(Task):
    """Frames whose bytes are the seed and the number of steps."""

    def __init__(self, render_mode=None, **kwargs):
        super().__init__(**kwargs)
        self.render_mode = render_mode

    def render(self):
        if self.render_mode != "rgb_array":
            return None
        return Frame([self.seed % 256, self.steps] * 36)


class Forking(Task):
    """Has a process of its own that ends by nothing it sees."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        if os.fork() == 0:
            while True:
                time.sleep(3600)


class Slow(Task):
    """Waits in every step."""

    def __init__(self, seconds, **kwargs):
        super().__init__(**kwargs)
        self.seconds = seconds

    def decided(self, action):
        time.sleep(self.seconds)
        return action


def stacked_frames(**kwargs):
    return Task(observation=Box(0, 255, (4, 84, 84), "uint8"), **kwargs)


def wordy(**kwargs):
    return Task(observation=Dict({"mission": Text()}), **kwargs)


def nested(**kwargs):
    speed = Box([0.0], [1.0], (1,))
    inner = Dict({"turn": Discrete(3), "speed": speed})
    return Task(action=Dict({"inner": inner, "other": speed}), **kwargs)


def unbounded(**kwargs):
    return Task(action=Box([float("-inf")], [1.0], (1,)), **kwargs)


def uneven(**kwargs):
    return Task(action=MultiDiscrete([2, 3]), **kwargs)

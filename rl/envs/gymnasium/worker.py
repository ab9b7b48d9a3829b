"""A process that steps Python environments for Frostline.

Frostline starts it with this text and talks to it through shared memory: a header with a semaphore
and a ring of slot numbers, and a slot for each environment with its action, its observation and a
semaphore for "done". Where the fields lie, the first line on the control socket says; what the
environment shows and lets decide, this process has answered before. The socket is used at the start
and to save states, never by a step. spaces.py and vector.py of rl/envs/gymnasium are the parts of
the text before this one.
"""

import ctypes
import fcntl
import importlib
import io
import json
import mmap
import os
import signal
import socket
import sys
import traceback

MAKE, RESET, STEP, SAVE, LOAD, IDLE = range(6)
FLUSH = 0xFFFFFFFE  # the program waits now
DONE, RAISED = range(2)
QUIT = 0xFFFFFFFF


class PrefixedLines(io.TextIOBase):
    """Standard output and error of the environments: whole lines, each with where it comes from."""

    def __init__(self, prefix):
        self.prefix, self.rest = prefix, ""

    def writable(self):
        return True

    def write(self, text):
        *lines, self.rest = (self.rest + text).split("\n")
        for line in lines:
            os.write(2, f"{self.prefix}{line}\n".encode(errors="replace"))
        return len(text)


def cause_of(error):
    """The exception's own line and where it was raised."""
    if isinstance(error, Unsupported):
        return one_line(error)
    text = one_line("".join(traceback.format_exception_only(type(error), error)))
    frames = traceback.extract_tb(error.__traceback__)
    if frames and os.path.exists(frames[-1].filename):  # neither this text nor Python's own
        last = frames[-1]
        text += f" ({os.path.basename(last.filename)}:{last.lineno} in {last.name})"
    return text


def package(name, title):
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise Unsupported(f"{sys.executable} has no {title}: install it by '{sys.executable} -m "
                          f"pip install {name}', or set environment.python to one that has it"
                          ) from None


def imported(rest):
    """What "MODULE:CALLABLE" names."""
    module, _, member = rest.rpartition(":")
    if module.endswith(".py"):
        folder, file = os.path.split(os.path.abspath(module))
        sys.path.insert(0, folder)
        module = file[:-3]
    made = importlib.import_module(module)
    for word in member.split("."):
        made = getattr(made, word)
    return made


def factory_of(name, kwargs):
    """Makes what the configuration names. Of a vector environment it gets the number of
    sub-environments and a seed for each; the second result says whether it is one."""
    scheme, _, rest = name.partition(":")
    if scheme == "envpool":
        if "seed" in kwargs:
            raise Unsupported("environment.kwargs has a seed, which every worker and evaluation "
                              "would begin with: leave it out, they are drawn from the run's seed")
        make = package("envpool", "EnvPool").make
        return lambda count, seeds: make(rest, **{"env_type": "gymnasium", "num_envs": count,
                                                  "seed": seeds, **kwargs}), True
    if scheme == "gymnasium":
        gymnasium = package("gymnasium", "Gymnasium")
        if "vectorization_mode" not in kwargs:
            return lambda: gymnasium.make(rest, **kwargs), False
        if kwargs["vectorization_mode"] in ("sync", "async"):
            kwargs.setdefault("vector_kwargs", {}).setdefault("autoreset_mode", "Disabled")
        return lambda count, seeds: gymnasium.make_vec(rest, num_envs=count, **kwargs), True
    made = imported(rest)
    if "num_envs" not in kwargs and takes(made, "num_envs"):
        return lambda count, seeds: made(num_envs=count, **kwargs), True
    return lambda: made(**kwargs), False


def layers_of(env):
    """The environment, and what its wrappers wrap, from the outside in."""
    while env is not None:
        yield env
        env = getattr(env, "env", None)


def time_limit_of(env):
    limit = getattr(getattr(env, "spec", None), "max_episode_steps", None)
    for layer in layers_of(env):
        limit = limit or getattr(layer, "_max_episode_steps", None)
    return max(int(limit or 0), 0)


def saver_of(env):
    """The outermost layer that saves and restores the state; None where there is none."""
    return next((layer for layer in layers_of(env)
                 if callable(getattr(layer, "get_state", None))
                 and callable(getattr(layer, "set_state", None))), None)


def receive(control, size):
    data = b""
    while len(data) < size:
        piece = control.recv(min(size - len(data), 1 << 20))
        if not piece:
            os._exit(1)
        data += piece
    return data


class Slot:
    """A part of the shared memory: what is asked of an environment, and what it answers."""

    group = None  # of a vector environment, and its place there

    def __init__(self, memory, at, libc, actions):
        self.memory, self.at, self.sem_post = memory, at, libc.sem_post
        view = memoryview(memory)
        # command, status, two endings, whether it follows an end, sub-environment
        self.state = view[at["state"]:at["state"] + 24].cast("i")
        self.reward = view[at["reward"]:at["reward"] + 8].cast("d")
        self.numbers = view[at["numbers"]:at["numbers"] + 24].cast("Q")  # seed, steps, bytes
        self.done = ctypes.addressof(ctypes.c_char.from_buffer(memory, at["done"]))
        self.action = actions.reader(memory, at)
        self.waiting = False

    def command(self):
        return self.state[0]

    def follows(self):
        """Whether the episode that is to begin comes after the end of one."""
        return self.state[4] != 0

    def seed(self):
        return self.numbers[0]

    def join(self, group, place, observation):
        self.group, self.place, self.state[5] = group, place, place
        self.show = observation.writer(self.memory, self.at)

    def result(self, reward, terminated, truncated):
        self.reward[0] = reward
        self.state[2] = bool(terminated)
        self.state[3] = bool(truncated)

    def answer(self, failure=None):
        """Once for what is asked."""
        if not self.waiting:
            return
        self.waiting = False
        self.state[1] = DONE if failure is None else RAISED
        if failure is not None:
            text = failure.encode(errors="replace")[:self.at["text_bytes"] - 1] + b"\0"
            self.memory[self.at["text"]:self.at["text"] + len(text)] = text
        self.sem_post(self.done)


class SingleHost:
    """Environments that are stepped one by one, at once."""

    def __init__(self, make, first, observation, control):
        self.make, self.first, self.control = make, first, control
        self.observation, self.envs = observation, {}

    def run(self, slot):
        payload = None
        try:
            command = slot.command()
            if command == MAKE:
                self.envs[slot] = self.first or self.make()
                self.first = None
                slot.show = self.observation.writer(slot.memory, slot.at)
            elif command == STEP:
                self.step(slot, self.envs[slot])
            elif command == RESET:
                self.reset(slot, self.envs[slot])
            elif command == SAVE:
                payload = self.save(slot, self.envs[slot])
            else:
                self.load(slot, self.envs[slot])
            slot.answer()
        except BaseException as error:  # also what would end the process
            slot.answer(cause_of(error))
        if payload is not None:
            self.control.sendall(payload)

    def flush(self):
        pass

    def step(self, slot, env):
        result = env.step(slot.action())
        if len(result) != 5:
            raise ValueError(f"step() returned {len(result)} values, not Gymnasium's five: "
                             "observation, reward, terminated, truncated, info")
        observation, reward, terminated, truncated, _ = result
        slot.show(self.observation.taken(lambda: env.render(), observation))
        slot.result(reward, terminated, truncated)

    def reset(self, slot, env):
        result = env.reset(seed=slot.seed())
        if not isinstance(result, tuple) or len(result) != 2:
            raise ValueError("reset() returned no pair of observation and info")
        slot.show(self.observation.taken(lambda: env.render(), result[0]))

    def save(self, slot, env):
        state = saver_of(env).get_state()
        if not isinstance(state, RAW):
            raise TypeError(f"get_state() returned {type(state).__name__}, not bytes")
        slot.numbers[2] = len(state)
        return state

    def load(self, slot, env):
        state = receive(self.control, slot.numbers[2])
        env.reset(seed=slot.seed())  # wrappers ask for one
        saver_of(env).set_state(state)
        for layer in layers_of(env):
            if hasattr(layer, "_elapsed_steps"):  # Gymnasium's TimeLimit
                layer._elapsed_steps = slot.numbers[1]

    def opened(self):
        return self.envs.values()


def end_with(lifeline):
    """Lets the system kill this process group as soon as the other end of the pipe closes."""
    set_signal = 10  # F_SETSIG of Linux
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(lifeline, set_signal, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    os.set_blocking(lifeline, False)
    try:
        if os.read(lifeline, 1) == b"":  # it had been closed before
            os._exit(1)
    except BlockingIOError:
        pass


def versions():
    named = [f"Python {sys.version.split()[0]}"]
    for module in ("gymnasium", "envpool", "numpy"):
        if module in sys.modules and sys.modules[module] is not None:
            named.append(f"{module} {getattr(sys.modules[module], '__version__', '?')}")
    return ", ".join(named)


def serve(memory_fd, at, actions, host):
    libc = ctypes.CDLL(None)
    libc.sem_wait.argtypes = libc.sem_post.argtypes = [ctypes.c_void_p]
    header = mmap.mmap(memory_fd, at["header_bytes"])
    doorbell = ctypes.addressof(ctypes.c_char.from_buffer(header, at["doorbell"]))
    counter = memoryview(header)[at["answers"]:at["answers"] + 4].cast("I")
    length = at["ring_length"]
    ring = memoryview(header)[at["ring"]:at["ring"] + 4 * length].cast("I")
    slots = []
    turn = 0
    while True:
        while libc.sem_wait(doorbell) != 0:  # a signal
            pass
        index = ring[turn % length]
        turn += 1
        if index == QUIT:
            break
        if index == FLUSH:
            host.flush()
        else:
            if index == len(slots):
                place = at["header_bytes"] + index * at["slot_bytes"]
                memory = mmap.mmap(memory_fd, at["slot_bytes"], offset=place)
                slots.append(Slot(memory, at, libc, actions))
            slots[index].waiting = True
            host.run(slots[index])
        counter[0] = turn & 0x7FFFFFFF
    for env in host.opened():
        if hasattr(env, "close"):
            env.close()


def described(env, observe, is_of_vector):
    """The lines that say what an environment is, and its spaces."""
    if is_vector(env) != is_of_vector:
        raise Unsupported("it is a vector environment, which a callable must make that takes "
                          "num_envs, or gymnasium:ID with vectorization_mode in environment.kwargs"
                          if is_vector(env) else
                          f"it was made for num_envs, but is a {type(env).__name__}, which is no "
                          "vector environment")
    rules = VectorRules(env, observe) if is_of_vector else None
    observation = Observation(env.single_observation_space if rules else env.observation_space,
                              observe, env)
    actions = Actions(env.single_action_space if rules else env.action_space)
    limit = vector_time_limit_of(env) if rules else time_limit_of(env)
    saves = not rules and saver_of(env) is not None
    lines = [f"runs_on {versions()}", f"time_limit {limit}", f"saves {int(saves)}",
             *([f"vector {int(rules.masks)}"] if rules else []), *observation.lines(),
             *actions.lines()]
    return lines, rules, observation, actions


def main():
    name, kwargs, observe, label, memory_fd, control_fd, lifeline = sys.argv[1:]
    # Stopping is the trainer's business: it finishes its update first.
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(stop, signal.SIG_IGN)
    end_with(int(lifeline))
    os.dup2(2, 1)
    sys.stdout = sys.stderr = PrefixedLines(f"{name}, {label}: ")
    control = socket.socket(fileno=int(control_fd))
    try:
        kwargs = json.loads(kwargs)
        if observe != "state":
            kwargs.setdefault("render_mode", "rgb_array")
        make, is_of_vector = factory_of(name, kwargs)
        env = make(1, [0]) if is_of_vector else make()
        lines, rules, observation, actions = described(env, observe, is_of_vector)
        if rules is None:
            host = SingleHost(make, env, observation, control)
        else:
            env.close()  # it was made to be described
            host = VectorHost(make, rules, observation, actions)
        lines.append("ready")
    except BaseException as error:
        lines = [f"error {cause_of(error)}"]
    control.sendall("".join(f"{line}\n" for line in lines).encode(errors="replace"))
    if lines[-1] != "ready":
        os._exit(1)
    line = b""
    while not line.endswith(b"\n"):
        line += receive(control, 1)
    serve(int(memory_fd), json.loads(line), actions, host)


main()
sys.stdout.flush()
os._exit(0)

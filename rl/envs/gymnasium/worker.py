"""A process that steps Python environments for Frostline.

Frostline starts it with this text and talks to it through shared memory: a header with a semaphore
and a ring of slot numbers, and a slot for each environment with its action, its observation and a
semaphore for "done". Where the fields lie, the first line on the control socket says; what the
environment shows and lets decide, this process has answered before. The socket is used at the start
and to save states, never by a step. rl/envs/gymnasium/spaces.py is the first part of the text.
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

MAKE, RESET, STEP, SAVE, LOAD = range(5)
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


def factory_of(name, kwargs):
    """Makes the environment that "gymnasium:ID" or "python:MODULE:CALLABLE" names."""
    scheme, _, rest = name.partition(":")
    if scheme == "gymnasium":
        try:
            gymnasium = importlib.import_module("gymnasium")
        except ModuleNotFoundError as error:
            if error.name != "gymnasium":
                raise
            raise Unsupported(f"{sys.executable} has no Gymnasium: install it by '{sys.executable} "
                              "-m pip install gymnasium', or set environment.python to one that "
                              "has it") from None
        return lambda: gymnasium.make(rest, **kwargs)
    module, _, member = rest.rpartition(":")
    if module.endswith(".py"):
        folder, file = os.path.split(os.path.abspath(module))
        sys.path.insert(0, folder)
        module = file[:-3]
    made = importlib.import_module(module)
    for word in member.split("."):
        made = getattr(made, word)
    return lambda: made(**kwargs)


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
    """One environment and its part of the shared memory."""

    def __init__(self, memory, at, libc, control):
        self.memory, self.at, self.control = memory, at, control
        view = memoryview(memory)
        self.state = view[at["state"]:at["state"] + 16].cast("i")  # command, status, two endings
        self.reward = view[at["reward"]:at["reward"] + 8].cast("d")
        self.numbers = view[at["numbers"]:at["numbers"] + 24].cast("Q")  # seed, steps, bytes
        self.done = ctypes.addressof(ctypes.c_char.from_buffer(memory, at["done"]))
        self.sem_post = libc.sem_post
        self.env = None

    def take(self, env, observation, actions):
        self.env = env
        self.write = observation.writer(env, self.memory, self.at)
        self.action = actions.reader(self.memory, self.at)

    def step(self):
        result = self.env.step(self.action())
        if len(result) != 5:
            raise ValueError(f"step() returned {len(result)} values, not Gymnasium's five: "
                             "observation, reward, terminated, truncated, info")
        observation, reward, terminated, truncated, _ = result
        self.write(observation)
        self.reward[0] = reward
        self.state[2] = bool(terminated)
        self.state[3] = bool(truncated)

    def reset(self):
        result = self.env.reset(seed=self.numbers[0])
        if not isinstance(result, tuple) or len(result) != 2:
            raise ValueError("reset() returned no pair of observation and info")
        self.write(result[0])

    def save(self):
        state = saver_of(self.env).get_state()
        if not isinstance(state, RAW):
            raise TypeError(f"get_state() returned {type(state).__name__}, not bytes")
        self.numbers[2] = len(state)
        return state

    def load(self):
        state = receive(self.control, self.numbers[2])
        self.env.reset(seed=self.numbers[0])  # wrappers ask for one
        saver_of(self.env).set_state(state)
        for layer in layers_of(self.env):
            if hasattr(layer, "_elapsed_steps"):  # Gymnasium's TimeLimit
                layer._elapsed_steps = self.numbers[1]

    def run(self, make):
        """Does what the slot asks; answers in any case."""
        payload = None
        try:
            command = self.state[0]
            if command == STEP:
                self.step()
            elif command == RESET:
                self.reset()
            elif command == MAKE:
                self.take(*make())
            elif command == SAVE:
                payload = self.save()
            else:
                self.load()
            self.state[1] = DONE
        except BaseException as error:  # also what would end the process
            text = cause_of(error).encode(errors="replace")[:self.at["text_bytes"] - 1] + b"\0"
            self.memory[self.at["text"]:self.at["text"] + len(text)] = text
            self.state[1] = RAISED
        self.sem_post(self.done)
        if payload is not None:
            self.control.sendall(payload)


def end_with(lifeline):
    """Lets the system kill this process as soon as the other end of the pipe closes."""
    set_signal = 10  # F_SETSIG of Linux
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
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
    for module in ("gymnasium", "numpy"):
        if module in sys.modules and sys.modules[module] is not None:
            named.append(f"{module} {getattr(sys.modules[module], '__version__', '?')}")
    return ", ".join(named)


def serve(memory_fd, control, at, make, first):
    libc = ctypes.CDLL(None)
    libc.sem_wait.argtypes = libc.sem_post.argtypes = [ctypes.c_void_p]
    header = mmap.mmap(memory_fd, at["header_bytes"])
    doorbell = ctypes.addressof(ctypes.c_char.from_buffer(header, at["doorbell"]))
    counter = memoryview(header)[at["answers"]:at["answers"] + 4].cast("I")
    length = at["ring_length"]
    ring = memoryview(header)[at["ring"]:at["ring"] + 4 * length].cast("I")
    slots, waiting = [], [first]
    take = lambda: waiting.pop() if waiting else make()
    turn = 0
    while True:
        while libc.sem_wait(doorbell) != 0:  # a signal
            pass
        index = ring[turn % length]
        turn += 1
        if index == QUIT:
            break
        if index == len(slots):
            place = at["header_bytes"] + index * at["slot_bytes"]
            memory = mmap.mmap(memory_fd, at["slot_bytes"], offset=place)
            slots.append(Slot(memory, at, libc, control))
        slots[index].run(take)
        counter[0] = turn & 0x7FFFFFFF
    for slot in slots:
        if slot.env is not None and hasattr(slot.env, "close"):
            slot.env.close()


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
        make_env = factory_of(name, kwargs)
        env = make_env()
        observation = Observation(env.observation_space, observe, env)
        actions = Actions(env.action_space)
        lines = [f"runs_on {versions()}", f"time_limit {time_limit_of(env)}",
                 f"saves {int(saver_of(env) is not None)}", *observation.lines(), *actions.lines(),
                 "ready"]
    except BaseException as error:
        lines = [f"error {cause_of(error)}"]
    control.sendall("".join(f"{line}\n" for line in lines).encode(errors="replace"))
    if lines[-1] != "ready":
        os._exit(1)
    line = b""
    while not line.endswith(b"\n"):
        line += receive(control, 1)
    serve(int(memory_fd), control, json.loads(line), lambda: (make_env(), observation, actions),
          (env, observation, actions))


main()
sys.stdout.flush()
os._exit(0)

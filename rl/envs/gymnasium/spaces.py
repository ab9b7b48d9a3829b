"""Spaces of Python environments as Frostline sees them: pictures, numbers, decisions, intervals.

The first part of the text that rl/envs/gymnasium/worker.py is the last part of.
"""

import math
import struct

try:
    import numpy
except ImportError:  # lists and bytes do as well
    numpy = None

RAW = (bytes, bytearray, memoryview)


class Unsupported(Exception):
    """What the environment is that Frostline cannot use."""


def one_line(text, most=900):
    line = " ".join(str(text).split())
    return line if len(line) <= most else line[:most] + " ..."


def kind_of(space):
    """Gymnasium's name of the space, also of one that is only like it."""
    known = ("Discrete", "MultiDiscrete", "MultiBinary", "Box", "Dict", "Tuple")
    names = [c.__name__ for c in type(space).__mro__]
    return next((name for name in names if name in known), names[0])


def type_name(dtype):
    return getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or str(dtype)


def channels_first(space, shape):
    return (type_name(space.dtype) == "uint8" and len(shape) == 3 and shape[0] in (1, 3)
            and shape[2] not in (1, 3))


def flat(values):
    if hasattr(values, "tolist"):
        values = values.tolist()
    if not isinstance(values, (list, tuple)):
        return [values]
    return [number for value in values for number in flat(value)]


# A writer puts one part of a state into a slot.


def picture_writer(memory, offset, shape):
    size = math.prod(shape)
    view = numpy and numpy.frombuffer(memory, numpy.uint8, size, offset).reshape(shape)

    def write(value):
        if numpy and not isinstance(value, RAW):
            array = numpy.asarray(value)
            if array.shape != shape or array.dtype != numpy.uint8:
                raise ValueError(f"a picture is {array.dtype} of shape {array.shape}, "
                                 f"not uint8 of shape {shape}")
            view[...] = array
            return
        data = memoryview(value).cast("B")
        if len(data) != size:
            raise ValueError(f"a picture has {len(data)} bytes, not the {size} of shape {shape}")
        memory[offset:offset + size] = data

    return write


def vector_writer(memory, offset, shape):
    size = math.prod(shape)
    floats = memoryview(memory)[offset:offset + 4 * size].cast("f")
    view = numpy and numpy.frombuffer(memory, numpy.float32, size, offset).reshape(shape)

    def write(value):
        if numpy:
            array = numpy.asarray(value)
            if array.shape != shape or array.dtype.kind not in "fiub":
                raise ValueError(f"an observation is {array.dtype} of shape {array.shape}, "
                                 f"not numbers of shape {shape}")
            view[...] = array
            return
        numbers = flat(value)
        if len(numbers) != size:
            raise ValueError(f"an observation has {len(numbers)} numbers, not {size}")
        for i, number in enumerate(numbers):
            floats[i] = number

    return write


def one_hot_writer(memory, offset, choices, start):
    floats = memoryview(memory)[offset:offset + 4 * choices].cast("f")
    zeros = memoryview(bytes(4 * choices)).cast("f")

    def write(value):
        index = int(value) - start
        if not 0 <= index < choices:
            raise ValueError(f"an observation is {value}, outside {choices} from {start} on")
        floats[:] = zeros
        floats[index] = 1.0

    return write


class Observation:
    """What is seen of an environment: one picture at most, and numbers as the space has them."""

    def __init__(self, space, observe, env):
        self.picture, self.values = None, 0  # shape, count
        self.parts = []  # (take the part of a state, make its writer)
        if observe != "render":
            self.add_space(space, lambda draw, state: state, "")
        if observe != "state":
            self.add_picture(self.shape_of_render(env), lambda draw, state: draw())

    @staticmethod
    def shape_of_render(env):
        frame = first_frame(env)
        shape = tuple(getattr(frame, "shape", ()))
        if len(shape) != 3 or shape[2] not in (1, 3) or type_name(frame.dtype) != "uint8":
            raise Unsupported(f"render() gives {type(frame).__name__} of shape {shape}: "
                              "environment.observe needs frames of uint8, height x width x 3")
        return shape

    def add_picture(self, shape, take):
        if self.picture is not None:
            raise Unsupported("it shows several pictures: Frostline takes one; wrap it in one that "
                              "shows one, or set environment.observe to state")
        self.picture = shape
        self.parts.append((take, lambda memory, at: picture_writer(memory, at["pixels"], shape)))

    def add_values(self, count, take, writer):
        first = 4 * self.values
        self.values += count
        self.parts.append((take, lambda memory, at: writer(memory, at["values"] + first)))

    def add_space(self, space, take, place):
        kind = kind_of(space)
        shape = tuple(getattr(space, "shape", None) or ())
        if kind == "Dict":
            for key, inner in space.spaces.items():
                self.add_space(
                    inner, lambda draw, state, take=take, key=key: take(draw, state)[key],
                    f"{place}[{key!r}]")
        elif kind == "Discrete":
            count, start = int(space.n), int(getattr(space, "start", 0))
            self.add_values(count, take,
                            lambda memory, offset: one_hot_writer(memory, offset, count, start))
        elif numpy and kind == "Box" and channels_first(space, shape):
            self.add_picture((*shape[1:], shape[0]),
                             lambda draw, state: numpy.moveaxis(take(draw, state), -3, -1))
        elif kind == "Box" and type_name(space.dtype) == "uint8" and len(shape) > 1:
            if len(shape) > 3 or (len(shape) == 3 and shape[2] not in (1, 3)):
                raise Unsupported(f"its observation{place} is uint8 of shape {shape}: pictures are "
                                  "height x width x 1 or 3, one per state; transpose or unstack it "
                                  "by a wrapper")
            self.add_picture(shape, take)
        elif kind in ("Box", "MultiBinary"):
            self.add_values(math.prod(shape), take,
                            lambda memory, offset: vector_writer(memory, offset, shape))
        else:
            raise Unsupported(f"its observation{place} is {one_line(space, 200)}, which Frostline "
                              "does not take: it takes Box, Discrete, MultiBinary, and Dict of "
                              "these; leave it out by a wrapper, or set environment.observe to "
                              "render")

    def lines(self):
        if self.picture is not None:
            height, width = self.picture[:2]
            yield f"picture {height} {width} {1 if len(self.picture) == 2 else self.picture[2]}"
        yield f"values {self.values}"

    def taken(self, draw, state):
        return [take(draw, state) for take, _ in self.parts]

    def writer(self, memory, at):
        writers = [make(memory, at) for _, make in self.parts]

        def write(parts):
            for write_part, part in zip(writers, parts):
                write_part(part)

        return write


class Actions:
    """What an environment lets decide, and how an action of a slot becomes one of its own."""

    def __init__(self, space):
        self.kind, self.space = kind_of(space), space
        self.rows, self.choices, self.dimensions = 1, 0, []
        if self.kind == "Discrete":
            self.choices = int(space.n)
        elif self.kind == "MultiDiscrete":
            counts = flat(space.nvec)
            if len(set(counts)) != 1 or len(getattr(space.nvec, "shape", (1,))) != 1:
                self.refuse("every decision must have as many choices as the others, in one row")
            self.rows, self.choices = len(counts), int(counts[0])
        elif self.kind == "MultiBinary" and len(tuple(space.shape)) == 1:
            self.rows, self.choices = int(space.shape[0]), 2
        elif self.kind == "Box" and type_name(space.dtype).startswith("float"):
            self.dimensions = list(zip(map(float, flat(space.low)), map(float, flat(space.high))))
            if not all(math.isfinite(low) and math.isfinite(high) and low < high
                       for low, high in self.dimensions):
                self.refuse("every dimension needs two finite bounds; give it them by a wrapper")
        elif self.kind in ("Dict", "Tuple"):
            self.combine(space.spaces.items() if self.kind == "Dict" else enumerate(space.spaces))
        else:
            self.refuse("it takes Discrete, MultiDiscrete and MultiBinary of one row, Box of "
                        "floats, and a Discrete with a Box; choose one by a wrapper")

    def combine(self, spaces):
        """A choice and continuous values beside it."""
        self.parts = [(key, Actions(space)) for key, space in spaces]
        forms = sorted((part.rows, part.choices > 0) for _, part in self.parts)
        nested = any(part.kind in ("Dict", "Tuple") for _, part in self.parts)
        if nested or forms != [(1, False), (1, True)]:
            self.refuse("of several parts it takes one Discrete and one Box")
        for _, part in self.parts:
            self.choices += part.choices
            self.dimensions += part.dimensions

    def refuse(self, rule):
        raise Unsupported(f"its action space is {one_line(self.space, 200)}, which Frostline does "
                          f"not take: {rule}")

    def lines(self):
        yield f"rows {self.rows}"
        yield f"choices {self.choices}"
        for low, high in self.dimensions:
            yield f"dimension {low!r} {high!r}"

    def first(self):
        """The action of first choices and lowest values."""
        memory = bytearray(4 * (self.rows + len(self.dimensions)))
        struct.pack_into(f"{len(self.dimensions)}f", memory, 4 * self.rows,
                         *(low for low, _ in self.dimensions))
        return self.reader(memory, {"decisions": 0, "parameters": 4 * self.rows})()

    def reader(self, memory, at):
        view, rows, kind = memoryview(memory), self.rows, self.kind
        if kind in ("Dict", "Tuple"):
            parts = [(key, part.reader(memory, at)) for key, part in self.parts]
            if kind == "Dict":
                return lambda: {key: read() for key, read in parts}
            return lambda: tuple(read() for _, read in parts)
        decisions = view[at["decisions"]:at["decisions"] + 4 * rows].cast("i")
        start = getattr(self.space, "start", 0)
        if kind == "Discrete":
            start = int(start)
            return lambda: decisions[0] + start
        if kind in ("MultiDiscrete", "MultiBinary"):
            starts = flat(start) if kind == "MultiDiscrete" and flat(start) != [0] else [0] * rows
            if numpy:
                dtype = getattr(self.space, "dtype", numpy.int64)
                return lambda: numpy.add(decisions, starts, dtype=numpy.int64).astype(dtype)
            return lambda: [a + b for a, b in zip(decisions, starts)]
        count = len(self.dimensions)
        parameters = view[at["parameters"]:at["parameters"] + 4 * count].cast("f")
        if numpy:
            shape, dtype = tuple(self.space.shape), self.space.dtype
            return lambda: numpy.array(parameters, dtype).reshape(shape)
        return parameters.tolist

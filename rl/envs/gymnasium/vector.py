"""Vector environments: sub-environments that are stepped by one call, a slot each.

A part of the text that rl/envs/gymnasium/worker.py is the last part of. What slots ask is collected
until the program waits for an answer, which it says by FLUSH, and is then done together.
"""

import copy
import inspect
import time
import traceback

MODES = {"disabled": "DISABLED", "samestep": "SAME_STEP", "nextstep": "NEXT_STEP"}


def is_vector(env):
    return hasattr(env, "single_observation_space") and hasattr(env, "num_envs")


def base_of(env):
    """What the wrappers wrap."""
    return getattr(env, "unwrapped", env)


def is_envpool(env):
    """EnvPool's take the numbers of those that are meant; the others stand still."""
    return hasattr(env, "all_env_ids")


def rendered(env, rows):
    return env.render(numpy.array(rows, numpy.int32)) if is_envpool(env) else env.render()


def first_frame(env):
    env.reset(**({} if is_envpool(env) else {"seed": 0}))
    frames = rendered(env, [0])
    return frames[0] if is_vector(env) else frames


def is_gymnasiums_own(env):
    """SyncVectorEnv or AsyncVectorEnv: a seed for each sub-environment, a mask in every mode."""
    vector = getattr(sys.modules.get("gymnasium"), "vector", None)
    own = [getattr(vector, name, None) for name in ("SyncVectorEnv", "AsyncVectorEnv")]
    return isinstance(env, tuple(kind for kind in own if isinstance(kind, type)))


def takes(function, argument):
    try:
        return argument in inspect.signature(function).parameters
    except (TypeError, ValueError):  # one that has no signature
        return False


def vector_time_limit_of(env):
    if is_envpool(env):
        return max(int(env.config.get("max_episode_steps") or 0), 0)
    if is_gymnasiums_own(base_of(env)):
        limit = getattr(base_of(env).get_attr("spec")[0], "max_episode_steps", None)
        if limit:
            return int(limit)
    return time_limit_of(env)


def stacked(actions):
    """Actions of sub-environments as one of the vector environment."""
    if isinstance(actions[0], dict):
        return {key: stacked([action[key] for action in actions]) for key in actions[0]}
    if isinstance(actions[0], tuple):
        return tuple(stacked(list(part)) for part in zip(*actions))
    return numpy.array(actions) if numpy else list(actions)


def indexed(values, index):
    if isinstance(values, dict):
        return {key: indexed(value, index) for key, value in values.items()}
    return values[index]


def refuse_running_means(env):
    """Gymnasium's wrappers that keep what all sub-environments did, and know no partial resets."""
    wrappers = sys.modules.get("gymnasium.wrappers.vector")
    for name in ("NormalizeObservation", "NormalizeReward"):
        kind = getattr(wrappers, name, ())
        if any(isinstance(layer, kind) for layer in layers_of(env)):
            raise Unsupported(f"its wrapper {name} does not bear that some sub-environments begin "
                              f"an episode and others go on: put gymnasium.wrappers.{name} into "
                              "each of them")


class VectorRules:
    """How sub-environments begin episodes: what the vector environment's metadata say."""

    def __init__(self, env, observe):
        mode = (getattr(env, "metadata", None) or {}).get("autoreset_mode")
        word = str(getattr(mode, "value", mode)).lower().replace("_", "")
        self.mode, self.envpool = MODES.get(word), is_envpool(env)
        base = base_of(env)
        refuse_running_means(env)
        self.own = is_gymnasiums_own(base)
        # AsyncVectorEnv without shared memory forgets in NEXT_STEP that it was reset.
        forgets = self.own and self.mode == "NEXT_STEP" and not getattr(base, "shared_memory", True)
        self.masks = self.envpool or self.mode == "DISABLED" or self.own and not forgets
        if self.envpool:
            if env.is_async:
                raise Unsupported("EnvPool's asynchronous mode is not taken: leave batch_size out")
        elif self.mode is None:
            raise Unsupported(f"its metadata['autoreset_mode'] is {mode!r}, none of Gymnasium's: "
                              "set it to what the vector environment does at an end")
        elif self.mode == "NEXT_STEP" and not self.masks:
            raise Unsupported("its autoreset mode is NEXT_STEP, in which it steps the others to "
                              "begin an episode of one: make it with autoreset_mode=DISABLED; "
                              "make_vec does so where vectorization_mode is sync or async")
        elif self.mode == "SAME_STEP" and observe != "state":
            raise Unsupported("its autoreset mode is SAME_STEP, in which the last frame of an "
                              "episode cannot be seen: make it with autoreset_mode=DISABLED, or "
                              "set environment.observe to state")


class SubEnvironments:
    """A vector environment, and the slots that have its sub-environments."""

    def __init__(self, env, rules, observation, actions, slots):
        self.env, self.rules, self.observation, self.slots = env, rules, observation, slots
        self.actions = [actions.first() for _ in slots]  # the last ones of those nobody steps
        self.begun = False
        self.over = [False] * len(slots)
        self.moved = [False] * len(slots)  # in an episode that its slot did not step
        self.following = [None] * len(slots)  # what SAME_STEP has shown behind an end
        self.turn, self.worked = 0, [0] * len(slots)  # the last turn of each
        for place, slot in enumerate(slots):
            slot.join(self, place, observation)

    def renewable(self, places, alone):
        """Those that can begin an episode here; others need another vector environment. `alone`:
        no slots outside begin one with them."""
        fresh = [place for place in places if not self.slots[place].follows()]
        if len(fresh) == len(self.slots):  # EnvPool's seeds are given when it is made
            return places if alone and not self.rules.envpool else []
        if not self.rules.masks:
            return [p for p in places if p not in fresh and self.following[p] is not None]
        # Who has fresh slots is stepped with the others if their last turn was that of the others.
        turns = {self.worked[place] for place, slot in enumerate(self.slots)
                 if slot and place not in fresh and slot.command() != IDLE}
        return [p for p in places if p not in fresh or turns == {self.worked[p]}]

    def begin_turn(self, places):
        self.turn += 1
        for place in places:
            self.worked[place] = self.turn

    def taken(self, state, rows):
        parts = self.observation.taken(lambda: rendered(self.env, rows), state)
        for part in parts:
            if len(part) != len(rows):
                raise ValueError(f"an observation is of {len(part)} sub-environments, not "
                                 f"{len(rows)}")
        return parts

    def rows_of(self, info):
        """The sub-environments that a result is of, in its order."""
        return [int(k) for k in info["env_id"]] if self.rules.envpool else range(len(self.slots))

    def reset(self, places):
        self.begin_turn(places)
        held = [p for p in places if self.slots[p].follows() and self.following[p] is not None]
        for place in held:
            self.slots[place].show(self.following[place])
        asked = [place for place in places if place not in held]
        if asked:
            # Before that, no sub-environment can be stepped beside others.
            renewed = asked if self.begun else list(range(len(self.slots)))
            self.begun = True
            self.renew(renewed, {place: self.slots[place].seed() for place in asked})
        for place in places:
            self.over[place] = self.moved[place] = False
            self.following[place] = None
            self.slots[place].answer()

    def renew(self, places, seeds):
        """Begins episodes in `places`, and shows those that have a seed."""
        count = len(self.slots)
        seed = [seeds.get(place) for place in range(count)]
        if not self.rules.own:  # as documented of VectorEnv, a seed for all of them
            seed = next(iter(seeds.values()), None)
        if self.rules.envpool:
            result = self.env.reset(numpy.array(places, numpy.int32))
        elif len(places) == count:
            result = self.env.reset(seed=seed)
        else:
            mask = [place in places for place in range(count)]
            options = {"reset_mask": numpy.array(mask, bool) if numpy else mask}
            result = self.env.reset(seed=seed, options=options)
        if not isinstance(result, tuple) or len(result) != 2:
            raise ValueError("reset() returned no pair of observations and infos")
        rows = self.rows_of(result[1])
        parts = self.taken(result[0], rows)
        for row, place in enumerate(rows):
            if place in seeds:
                self.slots[place].show([part[row] for part in parts])

    def step(self, places):
        self.begin_turn(places)
        for place in places:
            self.actions[place] = self.slots[place].action()
        if self.rules.envpool:
            chosen = stacked([self.actions[place] for place in places])
            result = self.env.step(chosen, numpy.array(places, numpy.int32))
        else:
            self.go_on_without(set(places))
            result = self.env.step(stacked(self.actions))
        if len(result) != 5:
            raise ValueError(f"step() returned {len(result)} values, not Gymnasium's five: "
                             "observations, rewards, terminations, truncations, infos")
        observation, rewards, terminated, truncated, info = result
        rows = self.rows_of(info)
        parts = self.taken(observation, rows)
        stepped = set(places)
        for row, place in enumerate(rows):
            over = bool(terminated[row]) or bool(truncated[row])
            self.over[place] = over
            if place not in stepped:
                continue
            slot, shown = self.slots[place], [part[row] for part in parts]
            if over and self.rules.mode == "SAME_STEP":
                self.following[place] = copy.deepcopy(shown)
                shown = self.final_of(info, place)
            slot.show(shown)
            slot.result(rewards[row], terminated[row], truncated[row])
            slot.answer()

    def go_on_without(self, places):
        """A vector environment steps all: what nobody has asked to step is in no episode then."""
        others = [place for place in range(len(self.slots)) if place not in places]
        for place in others:
            self.moved[place], self.following[place] = True, None
        ended = [place for place in others if self.over[place]]
        if ended and self.rules.mode == "DISABLED":
            self.renew(ended, {})

    def final_of(self, info, place):
        if "final_obs" not in info:
            raise ValueError("its autoreset mode is SAME_STEP, but an episode has ended without "
                             "infos['final_obs']")
        return self.observation.taken(None, indexed(info["final_obs"], place))

    def cause_of(self, error):
        """The exception's line, with the sub-environment where that is known."""
        base = base_of(self.env)
        ending = ending_of_process(getattr(base, "processes", ()), error)
        if ending:
            return ending
        place = next((k for k, pipe in enumerate(getattr(base, "parent_pipes", ()))
                      if pipe is None), None)  # AsyncVectorEnv closes that of one which raised
        owners = [frame.f_locals.get("self") for frame, _ in traceback.walk_tb(error.__traceback__)]
        shape = getattr(getattr(base, "single_observation_space", None), "shape", None)
        held = getattr(base, "_env_obs", ())  # SyncVectorEnv's, before it makes a batch of them
        for k, env in enumerate(getattr(base, "envs", ())):
            if any(owner is layer for owner in owners for layer in layers_of(env)):
                place = k
                break
            if place is None and k < len(held) and getattr(held[k], "shape", shape) != shape:
                place = k
        return cause_of(error) if place is None else f"sub-environment {place}: {cause_of(error)}"


def ending_of_process(processes, error):
    """How a process of AsyncVectorEnv ended, where one has. It may still be ending."""
    for _ in range(100 if isinstance(error, (EOFError, ConnectionError)) else 1):  # a second
        for place, process in enumerate(processes):
            if process.exitcode:
                ending = (f"was killed by signal {-process.exitcode}" if process.exitcode < 0
                          else f"ended with exit status {process.exitcode}")
                return f"sub-environment {place}: its process {ending}"
        time.sleep(0.01)
    return None


def by_group(slots):
    """(group, its slots), of those that have one."""
    groups = {slot.group: [] for slot in slots if slot.group}
    for slot in slots:
        if slot.group:
            groups[slot.group].append(slot)
    return groups.items()


class VectorHost:
    """Makes vector environments for slots, and lets them work together."""

    def __init__(self, make, rules, observation, actions):
        self.make, self.rules, self.observation, self.actions = make, rules, observation, actions
        self.asked, self.homeless, self.groups = [], [], []

    def run(self, slot):
        if slot.command() == MAKE:  # together with others, when the first of them is reset
            self.homeless.append(slot)
            slot.answer()
        else:
            self.asked.append(slot)

    def flush(self):
        asked, self.asked = self.asked, []
        self.settle([slot for slot in asked if slot.command() == RESET])
        for group, slots in by_group(asked):
            self.let_work(group.reset, group, [s for s in slots if s.command() == RESET])
            steps = [slot for slot in slots if slot.command() == STEP]
            for slot in [slot for slot in steps if group.moved[slot.place]]:
                slot.answer(f"sub-environment {slot.place}: its episode went on when others were "
                            "stepped and it was not: step all of them together")
            self.let_work(group.step, group, [slot for slot in steps if slot.waiting])

    @staticmethod
    def let_work(work, group, slots):
        try:
            if slots:
                work(sorted(slot.place for slot in slots))
        except BaseException as error:  # also what would end the process
            text = group.cause_of(error)
            for slot in slots:
                slot.answer(text)

    def settle(self, slots):
        """New vector environments for those whose own cannot begin what they ask for."""
        for group, members in by_group(slots):
            staying = group.renewable([slot.place for slot in members], len(members) == len(slots))
            for slot in members:
                if slot.place not in staying:
                    group.slots[slot.place], slot.group = None, None
                    self.homeless.append(slot)
        if all(slot.group for slot in slots):
            return
        homeless, self.homeless = self.homeless, []
        try:
            self.close_empty()
            self.groups.append(self.made_for(homeless))
        except BaseException as error:
            for slot in homeless:
                slot.answer(cause_of(error))

    def close_empty(self):
        empty = [group for group in self.groups if not any(group.slots)]
        self.groups = [group for group in self.groups if group not in empty]
        for group in empty:
            group.env.close()

    def made_for(self, slots):
        env = self.make(len(slots), [slot.seed() for slot in slots])
        if env.num_envs != len(slots):
            env.close()
            raise ValueError(f"it has {env.num_envs} sub-environments, not num_envs={len(slots)}")
        return SubEnvironments(env, self.rules, self.observation, self.actions, slots)

    def opened(self):
        return [group.env for group in self.groups]

"""The rules of every environment."""

import contextlib
import io
import json
import pickle
import random
import re
import warnings
from collections.abc import Mapping, Sequence
from functools import partial

from agentrl.check.hostile import hostile
from agentrl.check.process import elsewhere
from agentrl.check.rules import DEADLINE, Broken, NotApplicable, Rule, Watch
from agentrl.check.stage import Seen, Stage, same
from agentrl.config import env_options
from agentrl.env import SPLITS, TextEnv
from agentrl.errors import ConfigError
from agentrl.registry import absolute, find
from agentrl.rollout.workers import Environments
from agentrl.settings import RolloutSettings, Settings

ACTIONS = 400
"""hostile actions tried"""
WALKS = 8
"""random episodes of a task in which state keys are compared"""
ANSWERS = ("answer", "answers", "gold", "label", "secret", "solution")
"""fields of a task's data that must not be read off the first observation"""
PAYMENT = re.compile(r"\b(?:reward|score)\b\W{0,3}-?\d", re.IGNORECASE)

Offer = frozenset[str] | None
"""the actions that are of use somewhere; None where they are not listed"""


def env_rules(name: str, given: Mapping[str, str], watch: Watch) -> Sequence[Rule]:
    """Return the rules of an environment with these options, ready to be checked."""
    cls: type[TextEnv] = find("envs", name)
    stage = Stage(absolute("envs", name), cls, env_options(cls, given), watch)
    return (
        Rule(
            "panels hold tasks with names of their own, and no two splits share one", partial(_panels, stage)
        ),
        Rule("panels are the same every time and in every process", partial(_panel_hashes, stage)),
        Rule("all members of a group start alike", partial(_equal_starts, stage)),
        Rule("task and actions alone decide an episode", partial(_deterministic, stage)),
        Rule("the expert solves every task, with score 1", partial(_expert, stage)),
        Rule("junk solves nothing and scores below 1", partial(_junk, stage)),
        Rule("whatever the action, there is a well-formed answer", partial(_hostile, stage)),
        Rule("episodes end at max_turns at the latest", partial(_turn_limit, stage)),
        Rule("a snapshot goes on alike, here and in another process", partial(_snapshot, stage)),
        Rule("it can be pickled in the middle of an episode", partial(_picklable, stage)),
        Rule("it plays alike in a worker process", partial(_in_worker, stage)),
        Rule("states with one key offer the same actions, now and one step on", partial(_state_keys, stage)),
        Rule("observations give away neither answer nor reward", partial(_leaks, stage)),
        Rule("Gymnasium's own check passes", partial(_gymnasium, stage)),
    )


def _panels(stage: Stage) -> None:
    names: dict[str, str] = {}
    contents: dict[str, str] = {}
    for split in SPLITS:
        panel = stage.panel(split)
        if not len(panel):
            raise Broken(f"{split} is empty")
        for task in panel:
            if task.split != split:
                raise Broken(f"task {task.id} of {split} says that it is of {task.split}")
            if task.id in names:
                raise Broken(f"task id {task.id} is in {names[task.id]} and {split}")
            content = json.dumps([task.seed, task.data], sort_keys=True)  # raises where data are no JSON
            if contents.get(content, split) != split:
                raise Broken(
                    f"task {task.id} of {split} has the seed and data of a task of {contents[content]}"
                )
            names[task.id] = contents[content] = split


def _panel_hashes(stage: Stage) -> None:
    once = [stage.panel(split).hash for split in SPLITS]
    _same_hashes(once, [stage.panel(split).hash for split in SPLITS], "in another environment")
    _same_hashes(once, elsewhere(stage.name, stage.options, "panels", b""), "in another process")


def _same_hashes(once: Sequence[str], again: Sequence[str], where: str) -> None:
    for split, one, two in zip(SPLITS, once, again, strict=True):
        if one != two:
            raise Broken(f"{split} is {one}, then {two} {where}")


def _equal_starts(stage: Stage) -> None:
    used = stage.make()
    for task in stage.tasks():
        first = stage.begin(stage.make(), task)
        stage.wander(used, task, 0)
        same([first], [stage.begin(used, task)], f"task {task.id}, begun again after an episode")
        same([first], [stage.begin(stage.make(), task)], f"task {task.id}, begun twice")


def _deterministic(stage: Stage) -> None:
    used, before = stage.make(), random.getstate()
    try:
        for number, task in enumerate(stage.tasks()):
            random.seed(1)
            actions = stage.wander(used, task, number)
            first = stage.play(stage.make(), task, actions)
            random.seed(2)  # who draws from the common generator is found out here
            same(first, stage.play(stage.make(), task, actions), f"task {task.id}, played twice")
            same(
                first,
                stage.play(used, task, actions),
                f"task {task.id}, played again in a used environment",
            )
    finally:
        random.setstate(before)


def _expert(stage: Stage) -> None:
    env = stage.make()
    for task in stage.tasks():
        now = stage.begin(env, task)
        try:
            player = env.player("expert", 0)
        except ConfigError as why:
            raise NotApplicable(str(why)) from None
        last = stage.finish(env, now, player)
        if last.score != 1 or not last.over[0]:
            raise Broken(f"task {task.id} ended with score {last.score:g}")


def _junk(stage: Stage) -> None:
    env = stage.make()
    for task in stage.tasks():
        for text in ("", "xyzzy", "I do not know."):
            last = stage.finish(env, stage.begin(env, task), lambda _, text=text: text)  # type: ignore[misc]
            if last.score >= 1:
                raise Broken(f"task {task.id} is solved by saying {text!r}")


def _hostile(stage: Stage) -> None:
    env, number, tasks = stage.make(), 0, stage.tasks()
    good = [action for task in tasks for action in stage.wander(env, task, 1)]
    now = stage.begin(env, tasks[0])
    for action in (*hostile(0, ACTIONS, good), None, 3, b"bytes", ["x"]):
        if any(now.over):
            number += 1
            now = stage.begin(env, tasks[number % len(tasks)])
        now = stage.step(env, action)


def _turn_limit(stage: Stage) -> None:
    env = stage.make()
    for task in stage.tasks():
        stage.begin(env, task)
        count = len(stage.go_on(env, ["(nothing)"] * (env.max_turns + 1)))
        if count > env.max_turns:
            raise Broken(f"task {task.id} went on for {count} turns; max_turns is {env.max_turns}")


def _snapshot(stage: Stage) -> None:
    if stage.cls.restorable == "no":
        raise NotApplicable("restorable='no'")
    env, fresh = stage.make(), stage.make()
    for number, task in enumerate(stage.tasks()[:3]):
        actions = stage.wander(env, task, 10 + number)
        for cut in {0, len(actions) // 2, len(actions) - 1}:
            stage.play(env, task, actions[:cut])
            taken = env.snapshot()
            wanted = stage.go_on(env, actions[cut:])
            where = f"task {task.id} after {cut} turns"
            fresh.restore(taken)
            same(wanted, stage.go_on(fresh, actions[cut:]), f"{where}, restored in another environment")
            env.restore(taken)
            same(wanted, stage.go_on(env, actions[cut:]), f"{where}, restored in the same")
        request = pickle.dumps((taken, actions[cut:]))
        there = elsewhere(stage.name, stage.options, "restore", request)
        same(wanted, there, f"{where}, restored in another process")


def _picklable(stage: Stage) -> None:
    env = stage.make()
    for task in stage.tasks()[:2]:
        actions = stage.wander(env, task, 20)
        half = len(actions) // 2
        stage.play(env, task, actions[:half])
        copy = pickle.loads(pickle.dumps(env))
        wanted = stage.go_on(env, actions[half:])
        same(wanted, stage.go_on(copy, actions[half:]), f"task {task.id} after {half} turns, pickled")


def _in_worker(stage: Stage) -> None:
    alone = Settings(stage.name, "", stage.options, rollout=RolloutSettings(workers=1, deadline=DEADLINE))
    with Environments(alone) as worlds:
        env = worlds("train")
        for number, task in enumerate(stage.tasks()[:3]):
            actions = stage.wander(stage.make(), task, 50 + number)
            wanted = stage.play(stage.make(), task, actions)
            same(wanted, stage.play(env, task, actions), f"task {task.id}, played in a worker")


def _state_keys(stage: Stage) -> None:
    env, listed = stage.make(), False
    for task in stage.tasks():
        offers: dict[str, Offer] = {}
        nexts: dict[tuple[str, str], Offer] = {}
        for seed in range(WALKS):
            actions = stage.wander(env, task, 30 + seed)
            going = [now for now in stage.play(env, task, actions) if not any(now.over)]
            for number, now in enumerate(going):
                listed |= now.admissible is not None
                before = offers.setdefault(now.key, _offer(now))
                _told_apart(before, _offer(now), f"task {task.id}: key {now.key}")
                if number:
                    then = going[number - 1].key, actions[number - 1]
                    where = f"task {task.id}: key {then[0]}, after {then[1]!r}"
                    _told_apart(nexts.setdefault(then, _offer(now)), _offer(now), where)
    if not listed:
        raise NotApplicable("it lists no actions")


def _offer(now: Seen) -> Offer:
    return None if now.admissible is None else frozenset(now.admissible)


def _told_apart(one: Offer, two: Offer, where: str) -> None:
    """Raise Broken where one key stands for states that offer different actions."""
    if one == two:
        return
    if one is None or two is None:
        raise Broken(f"{where} stands for states that list their actions and states that do not")
    raise Broken(f"{where} stands for states that offer {min(one ^ two)!r} and states that do not")


def _leaks(stage: Stage) -> None:
    env = stage.make()
    for task in stage.tasks():
        text = "\n".join([stage.begin(env, task).observation, env.instructions(), env.goal()]).casefold()
        for field in ANSWERS:
            values = task.data.get(field, ())
            for value in [values] if isinstance(values, str | int | float) else values:
                if len(str(value)) > 2 and str(value).casefold() in text:
                    raise Broken(f"task {task.id} shows its {field}, {value!r}, before the first action")
        for now in stage.play(env, task, stage.wander(env, task, 40)):
            found = PAYMENT.search(now.observation)
            if found and not any(now.over):
                raise Broken(f"task {task.id} reads {found.group()!r} before its end")


def _gymnasium(stage: Stage) -> None:
    from gymnasium.utils.env_checker import check_env

    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        stage.watch.over("check_env"),
    ):
        warnings.simplefilter("ignore")
        check_env(stage.make())

"""The rules of every environment."""

import contextlib
import io
import json
import pickle
import random
import warnings
from collections.abc import Mapping, Sequence
from functools import partial

from agentrl.check.hostile import JUNK, hostile
from agentrl.check.leaks import leaks
from agentrl.check.process import elsewhere
from agentrl.check.rules import DEADLINE, Broken, NotApplicable, Rule, Watch
from agentrl.check.stage import Stage, same
from agentrl.check.states import offered_alike, paid_alike
from agentrl.config import env_options
from agentrl.env import SPLITS, TextEnv
from agentrl.errors import ConfigError
from agentrl.registry import absolute, find
from agentrl.rollout.workers import Environments
from agentrl.settings import RolloutSettings, Settings

ACTIONS = 400
"""hostile actions tried"""


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
        Rule("the reference players that it declares are there", partial(_references, stage)),
        Rule("junk solves nothing and scores below 1", partial(_junk, stage)),
        Rule("whatever the action, there is a well-formed answer", partial(_hostile, stage)),
        Rule("episodes end at max_turns at the latest", partial(_turn_limit, stage)),
        Rule("a snapshot goes on alike, here and in another process", partial(_snapshot, stage)),
        Rule("it can be pickled in the middle of an episode", partial(_picklable, stage)),
        Rule("it plays alike in a worker process", partial(_in_worker, stage)),
        Rule(
            "states with one key offer the same actions, now and one step on", partial(offered_alike, stage)
        ),
        Rule("the same actions pay and end alike from all states of one key", partial(paid_alike, stage)),
        Rule("observations give away neither answer nor reward", partial(leaks, stage)),
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


def _references(stage: Stage) -> None:
    """Refuse a list of players of its own that names one it has not; the default list promises nothing."""
    if not any("references" in vars(cls) for cls in stage.cls.__mro__ if cls is not TextEnv):
        return
    env = stage.make()
    stage.begin(env, stage.tasks()[0])
    for kind in stage.cls.references:
        try:
            env.player(kind, 0)
        except ConfigError as why:
            raise Broken(f"it declares the player '{kind}', but: {why}") from None


def _junk(stage: Stage) -> None:
    env = stage.make()
    for task in stage.tasks():
        for text in JUNK:
            last = stage.finish(env, stage.begin(env, task), lambda _, text=text: text)  # type: ignore[misc]
            if last.score >= 1:
                raise Broken(f"task {task.id} is solved by saying {text!r}")
        if stage.finish(env, stage.begin(env, task), lambda observation: observation).score >= 1:
            raise Broken(f"task {task.id} is solved by saying again what was read")


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
            with stage.watch.over("snapshot"):
                taken = env.snapshot()
            wanted = stage.go_on(env, actions[cut:])
            where = f"task {task.id} after {cut} turns"
            stage.restore(fresh, taken)
            same(wanted, stage.go_on(fresh, actions[cut:]), f"{where}, restored in another environment")
            stage.restore(env, taken)
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
        with stage.watch.over("pickling"):
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


def _gymnasium(stage: Stage) -> None:
    from gymnasium.utils.env_checker import check_env

    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        stage.watch.over("check_env"),
    ):
        warnings.simplefilter("ignore")
        check_env(stage.make())

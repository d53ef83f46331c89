"""The rules that a state key names one state: what holds in one of its states holds in all of them."""

from agentrl.check.rules import Broken, NotApplicable
from agentrl.check.stage import Seen, Stage

WALKS = 8
"""random episodes of a task in which state keys are compared"""
MET = 3
"""visits of one key that are compared"""

Offer = frozenset[str] | None
"""the actions that are of use somewhere; None where they are not listed"""


def offered_alike(stage: Stage) -> None:
    """Raise Broken where one key stands for states that offer other actions, now or after the same action."""
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


def paid_alike(stage: Stage) -> None:
    """Raise Broken where the same actions, from two states with one key, are not paid and ended alike.

    Ends by max_turns do not count: a key need not say which turn it is.
    """
    env = stage.make()
    for task in stage.tasks():
        met: dict[str, dict[tuple[str, ...], list[str]]] = {}
        for seed in range(WALKS):
            actions = stage.wander(env, task, 30 + seed)
            keys = [now.key for now in stage.play(env, task, actions)[: len(actions)]]
            # The first and the last visit are the likeliest to differ in what the key may have left out.
            for key in dict.fromkeys(keys):
                for at in (keys.index(key), len(keys) - 1 - keys[::-1].index(key)):
                    ways = met.setdefault(key, {})
                    if len(ways) < MET:
                        ways.setdefault(tuple(actions[:at]), actions[at:])
        for key, ways in met.items():
            (first, onward), *others = ways.items()
            for other, on in others:
                for actions in (onward, on):
                    one = stage.play(env, task, [*first, *actions])[len(first) + 1 :]
                    two = stage.play(env, task, [*other, *actions])[len(other) + 1 :]
                    _paid_apart(one, two, actions, f"task {task.id}: key {key}")


def _paid_apart(one: list[Seen], two: list[Seen], actions: list[str], where: str) -> None:
    """Raise Broken at the first action that is paid or ends an episode in one play and not in the other."""
    for number, (first, second) in enumerate(zip(one, two, strict=False)):
        done = " then ".join(repr(action[:40]) for action in actions[: number + 1])
        if first.reward != second.reward:
            raise Broken(
                f"{where} stands for states in which {done} pays {first.reward:g}, and others in which it"
                f" pays {second.reward:g}"
            )
        if first.over[0] != second.over[0]:
            raise Broken(f"{where} stands for states in which {done} ends the episode, and others")

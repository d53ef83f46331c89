"""What a run's figures warn of, in sentences that say what to do about it.

Every alarm looks at the last fifth of the iterations: what matters is where training has got to. A figure
that was not logged raises none.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from agentrl.journal import MetricsLine

FALLEN, SURE = 0.1, 0.9
"""share of its first entropy below which a policy hardly explores; share solved from which it may"""
MUTE, MOST, ALONE = 0.9, 0.5, 0.9
"""share without credit, of groups that end alike, and of turns alone in their state, from which it is said"""
LEFT_OUT = 0.05
"""share of episodes left out above which what is left is a choice"""
MORE = (
    ("entropy", "an entropy bonus (algo.entropy)"),
    ("clip_high", "more room upwards (algo.clip_high=0.28)"),
    ("kl", "a pull to the warm start (algo.kl)"),
)
"""what keeps a policy exploring, by the setting that an algorithm must have for it"""
BY_STATE = ("similarity", "history")
"""settings of the algorithms that compare turns taken from the very same state"""


def alarms(lines: Sequence[MetricsLine], config: Mapping[str, Any]) -> list[str]:
    """Return what a run's metrics warn of, one sentence or two each; nothing where all is well.

    Edge: lines of the warm start and of evaluations do not count, nor figures that are not finite.
    """
    rl = [line for line in lines if line.phase == "rl"]
    algo = config.get("algo", {})
    algo = algo if isinstance(algo, Mapping) else {"name": algo}
    found = [
        _entropy(rl, algo),
        _spread(rl),
        _ends_alike(rl, "group_failed"),
        _ends_alike(rl, "group_solved"),
        _sizes(rl, algo),
        _states(rl, algo),
        _left_out(rl),
    ]
    return [text for text in found if text]


def part(lines: Sequence[MetricsLine], name: str, *, last: bool = True) -> float | None:
    """Return the mean of a figure over the last fifth of those logged, or the first; None where none was."""
    values = [line.values[name] for line in lines if math.isfinite(line.values.get(name, math.nan))]
    few = max(1, len(values) // 5)
    return fmean(values[-few:] if last else values[:few]) if values else None


def _entropy(lines: Sequence[MetricsLine], algo: Mapping[str, Any]) -> str:
    """Warn of a policy that stopped exploring before it solves its tasks."""
    name = "entropy" if part(lines, "entropy") is not None else "entropy_sampled"
    before, after, solved = part(lines, name, last=False), part(lines, name), part(lines, "success")
    if before is None or after is None or not after < FALLEN * before or (solved or 0.0) >= SURE:
        return ""
    ways = [text for key, text in MORE if key in algo]
    return (
        f"Entropy has collapsed from {before:.2g} to {after:.2g} nats a token, with {_percent(solved or 0.0)}"
        " of episodes solved: the policy has all but stopped trying other actions."
        f" What may help: {', '.join([*ways, 'a lower learner.lr'])}."
    )


def _spread(lines: Sequence[MetricsLine]) -> str:
    """Warn of rewards without differences: nothing to learn from."""
    name = "credit_zero" if part(lines, "credit_zero") is not None else "group_collapse"
    share = part(lines, name)
    if share is None or share < MUTE or (part(lines, "group_collapse") or 0.0) < MUTE:
        return ""
    same = _percent(part(lines, "group_collapse") or 0.0)
    return (
        f"In {same} of groups all episodes earned the same, so there is no difference to learn from and next"
        " to no gradient. Play larger groups (algo.group_size), replace such groups (algo=dapo), or pay for"
        " progress on the way."
    )


def _ends_alike(lines: Sequence[MetricsLine], name: str) -> str:
    """Warn of tasks that are too hard, or too easy, to tell good episodes from bad ones."""
    share = part(lines, name)
    if share is None or share < MOST:
        return ""
    if name == "group_failed":
        return (
            f"In {_percent(share)} of groups no episode succeeded: the tasks are too hard for this policy."
            " Imitate more first (warm.demonstrations, warm.passes), begin with easier tasks, play larger"
            " groups (algo.group_size), or pay for progress on the way."
        )
    return (
        f"In {_percent(share)} of groups every episode succeeded: most tasks are solved and teach little."
        " Take harder ones, replace such groups (algo=dapo), or stop here."
    )


def _sizes(lines: Sequence[MetricsLine], algo: Mapping[str, Any]) -> str:
    """Warn of groups of one, and of groups of several sizes."""
    single, unequal = part(lines, "group_single") or 0.0, part(lines, "group_unequal") or 0.0
    if single > 0 and algo.get("group_size", 1) > 1:
        return (
            f"{_percent(single)} of groups have one episode, with which there is nothing to compare. Look for"
            " what removes episodes (log.txt), or use an algorithm that compares none (algo=ppo)."
        )
    if unequal > 0:
        return (
            f"{_percent(unequal)} of groups have fewer episodes than others, so their means are less sure and"
            " their tasks count for less. Look for what removes episodes (log.txt)."
        )
    return ""


def _states(lines: Sequence[MetricsLine], algo: Mapping[str, Any]) -> str:
    """Warn of states that never come back, where credit is a comparison inside a state."""
    share = part(lines, "anchor_singletons")
    if share is None or share < ALONE or not any(name in algo for name in BY_STATE):
        return ""
    return (
        f"{_percent(share)} of turns are alone in their state, so the step term compares nothing there. Let"
        " like texts be one state (algo.similarity=0.9), give the environment's states names that come back,"
        " or play larger groups (algo.group_size)."
    )


def _left_out(lines: Sequence[MetricsLine]) -> str:
    """Warn of episodes that could not be scored, and of those left out with them."""
    share, failed = part(lines, "left_out"), part(lines, "failed") or 0.0
    if share is None or share <= LEFT_OUT:
        return ""
    return (
        f"{_percent(share)} of episodes were left out: {_percent(failed)} could not be scored, and a group"
        " that lost one counts no more. What is left is a choice, which may favour some behaviour. log.txt"
        " says why they failed; rollout.workers and rollout.deadline bound what one episode may cost."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"

"""Run folders to look at: groups of episodes with credit, a tree, and hostile texts in every place."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from agentrl.creditfile import Credited, Header, NodeRecord, Pair, TreeRecord, write_credit
from agentrl.learner.tiny import tiny_tokenizer
from agentrl.trajectories import write_trajectories
from agentrl.types import Task, Trajectory, Turn, floats32, ids32

CONFIG = """
[env]
name = "guess"

[algo]
name = "gigpo"
omega = 1.0

[run]
seed = 3

[reward]
task = 2.0
"""
HOSTILE = (
    "</script></pre><script>window.broken=1</script><img src=x onerror='window.broken=2'>"
    "<!-- <script> %%chunks%% ${window.broken} \u2028 \u202e \x00\x1b[31m \ud800"
)
COLUMNS = ("credit", "push", "logp", "part/episode", "part/step")
WORDS = ("higher", "lower", "guess 7", "guess 12", "yes")


def turn(text: str, observation: str, *, ids: Sequence[int], paid: float = 0.0, state: str = "s") -> Turn:
    """Return a turn whose tokens have log-probability -1/2, -1, -3/2 and so on."""
    logprobs = floats32([-0.5 * (place + 1) for place in range(len(ids))])
    return Turn(observation, ids32([5, 6, 7]), ids32(ids), logprobs, text, text, {"task": paid}, state)


def episode(task: str, sample: int, turns: Sequence[Turn], *, success: bool, group: str = "") -> Trajectory:
    """Return an episode, paid what its turns were, twice."""
    paid = 2.0 * sum(sum(turn.rewards.values()) for turn in turns)
    end = "success" if success else "turn_limit"
    return Trajectory(
        Task(task, "train", 7, {"answer": 12}), group or task, sample, tuple(turns), end,
        ret=paid, score=float(success), success=success,
    )  # fmt: skip


def group(task: str, size: int, dice: random.Random) -> list[Trajectory]:
    """Return episodes of two turns, half of them solved, that all begin in one state."""
    made = []
    for sample in range(size):
        good = sample % 2 == 0
        first = turn(dice.choice(WORDS), f"Guess a number for {task}.", ids=[dice.randrange(260, 265)] * 3)
        last = turn(
            "guess 12", "The number is higher.", ids=[261, 262, 1], paid=float(good), state=f"s{sample}"
        )
        made.append(episode(task, sample, [first, last], success=good))
    return made


def credit_of(episodes: Iterable[Trajectory]) -> list[Credited]:
    """Return a line for each episode: credit 1 or -1, its step term half of it in the first turn."""
    lines = []
    for number, one in enumerate(episodes):
        counts = [len(turn.action_ids) for turn in one.turns]
        sign = 1.0 if one.success else -1.0
        value = np.full(sum(counts), sign, np.float32)
        step = np.repeat(np.array([0.5, *[0.0] * (len(counts) - 1)], np.float32), counts) * sign
        logp = np.concatenate([np.array(turn.logprobs, np.float32) for turn in one.turns]) + np.float32(0.125)
        columns = dict(zip(COLUMNS, (value, value, logp, value - step, step), strict=True))
        lines.append(Credited(number, None, tuple(enumerate(counts)), columns))
    return lines


def write_run(
    folder: Path,
    iterations: dict[int, list[Trajectory]],
    *,
    credited: bool = True,
    trees: tuple[TreeRecord, ...] = (),
    lines: list[Credited] | None = None,
    config: str = CONFIG,
) -> Path:
    """Return a run folder with these episodes and, where told so, their credit."""
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(config)
    tokenizer = tiny_tokenizer([*WORDS, "guess"] * 3, limit=300)
    tokenizer.save_pretrained(folder / "model")
    for number, episodes in iterations.items():
        name = f"{number:06d}.jsonl.gz"
        write_trajectories(folder / "trajectories" / name, episodes)
        if credited:
            told = credit_of(episodes) if lines is None else lines
            names = tuple(told[0].columns) if told else ()
            header = Header(number, "gigpo", names, trees=trees)
            write_credit(folder / "credit" / name, header, told)
    return folder


def plain_run(folder: Path, *, tasks: int = 3, size: int = 4, iterations: int = 2, seed: int = 0) -> Path:
    """Return a run of groups."""
    dice = random.Random(seed)
    return write_run(
        folder,
        {
            10 * (n + 1): [e for t in range(tasks) for e in group(f"task-{n}-{t}", size, dice)]
            for n in range(iterations)
        },
    )


def hostile_run(folder: Path) -> Path:
    """Return a run in which every text tries to become markup."""
    call = {"name": HOSTILE, "args": HOSTILE, "answer": HOSTILE, "cost": float("nan")}
    bad = replace(
        turn(HOSTILE, HOSTILE * 30, ids=[4, 5], state=HOSTILE),
        rewards={HOSTILE: float("nan")}, calls=(call,), format_valid=False,
    )  # fmt: skip
    one = episode(HOSTILE, 0, [bad, turn("ok", "short " + HOSTILE, ids=[9])], success=True)
    one = replace(
        one, reason=HOSTILE, metrics={HOSTILE: float("inf")}, final_state={HOSTILE: [HOSTILE]},
        task=replace(one.task, data={HOSTILE: HOSTILE}),
    )  # fmt: skip
    name = "".join(c for c in HOSTILE if c.isprintable() and c not in "\"'\\")
    return write_run(folder, {1: [one]}, config=CONFIG.replace("guess", name))


def tree_run(folder: Path) -> Path:
    """Return a run with a trunk of two turns, and another second turn that won."""
    first = turn("guess 7", "Guess a number.", ids=[260, 261])
    lost = turn("guess 3", "The number is higher.", ids=[262])
    won = turn("guess 12", "The number is higher.", ids=[263, 264], paid=1.0)
    trunk = episode("grown", 0, [first, lost], success=False)
    other = episode("grown", 1, [first, won], success=True)
    nodes = (
        NodeRecord(-1, "guess 7", 0, 0, 2, 0.5, 0.5, 0.0, 0.25, False, None, 0.0),
        NodeRecord(0, "guess 3", 0, 1, 1, 0.0, 0.0, 0.0, 0.5, True, "turn_limit", 0.0),
        NodeRecord(0, "guess 12", 1, 1, 1, 1.0, 1.0, 1.0, 0.125, True, "success", 1.0),
        NodeRecord(0, "guess 15", -1, 0, 0, 0.0, 0.0, 0.0, 0.1, False, None, 0.0),
    )
    pairs = (Pair(2, 1, 1.0, 1.0), Pair(2, 3, 1.0, 1.0))
    tree = TreeRecord("grown", nodes, pairs, way=(0, 2))
    push = [
        Credited(1, (0, 2), ((1, 2),), {"push": np.array([0.25, 0.25], np.float32)}),
        Credited(0, (0, 1), ((1, 1),), {"push": np.array([-0.25], np.float32)}),
        Credited(1, (0, 2), ((1, 1),), {"push": np.array([0.5], np.float32)}),
        Credited(-1, (0, 3), ((0, 2),), {"push": np.array([-0.5, -0.5], np.float32)}),
    ]
    return write_run(folder, {5: [trunk, other]}, trees=(tree,), lines=push)

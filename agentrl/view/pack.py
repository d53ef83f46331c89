"""Episodes as the page reads them: an index of all, and chunks of a few that are unpacked when looked at.

A chunk is gzip'd: four bytes (little-endian) that give the length of a text, the text (JSON, ASCII, padded to
four bytes), then arrays: `action` and `prompt` (uint32 token ids), `behaviour` and every column of the run
(float32, a number a token of `action`; nan where there is none). The text gives what is not a number a token.
"""

import gzip
import json
import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agentrl.creditfile import Floats, Pair
from agentrl.toolstats import calls_of
from agentrl.types import Trajectory, Turn
from agentrl.view.parts import Columns, Part, Source

CHUNK = 64
"""episodes"""
LONGEST = 4000
"""characters shown of a task's data, of a final state and of a tool call's answer"""
FIRST = ("credit", "push")
"""columns that come before others"""
Sink = Callable[[bytes], None]
"""Takes the chunks, one after another"""


@dataclass(slots=True)
class Names:
    """Texts by number, in the order in which they were first named."""

    number: dict[Any, int] = field(default_factory=dict)

    def __call__(self, name: Any) -> int:
        """Return the number of a name."""
        return self.number.setdefault(name, len(self.number))

    def list(self) -> list[Any]:
        """Return the names in order."""
        return list(self.number)


class Packer:
    """Packs parts, in order; `index` then tells everything that is not in the chunks."""

    def __init__(self, columns: Sequence[str], sink: Sink) -> None:
        self._columns, self._sink = columns, sink
        self._tasks, self._groups, self._outcomes, self._rewards = Names(), Names(), Names(), Names()
        self._rows: list[dict[str, Any]] = []
        self._waiting: list[tuple[Trajectory, Columns]] = []
        self._largest: dict[str, list[float]] = {}
        self._trees: list[dict[str, Any]] = []
        self._pairs: list[list[float | None]] = []
        self.ids: set[int] = set()
        """tokens met"""

    def add(self, part: Part) -> None:
        """Take an iteration in."""
        first = len(self._rows)
        for episode, columns in zip(part.episodes, part.columns, strict=True):
            self._rows.append(self._row(part.iteration, episode, columns))
            self._waiting.append((episode, columns))
            if len(self._waiting) == CHUNK:
                self.flush()
        pushes = part.pushes or {}
        for place, tree in enumerate(part.trees):
            nodes = [
                [n.parent, n.episode + first if n.episode >= 0 else -1, n.turn, n.action, n.visits,
                 *map(number, (n.q, n.value, n.reward, n.prior)), n.terminal, n.outcome, number(n.score),
                 pushes.get((place, at)), at in tree.way]
                for at, n in enumerate(tree.nodes)
            ]  # fmt: skip
            self._trees.append(
                {
                    "iteration": part.iteration,
                    "task": tree.task,
                    "nodes": nodes,
                    "pairs": _pairs(tree.pairs, 0),
                }
            )
        self._pairs += _pairs(part.header.pairs if part.header else (), first)

    def flush(self) -> None:
        """Hand on the chunk begun, if any."""
        if self._waiting:
            self._sink(chunk(self._waiting, self._columns, self.ids))
            self._waiting = []

    def index(self) -> dict[str, Any]:
        """Return everything that is not in the chunks, as JSON data."""
        rows = self._rows
        names = [key for key in (rows[0] if rows else {}) if key != "rewards"]
        rewards = self._rewards.list()
        return {
            "columns": list(self._columns),
            "scale": {name: number(spread(values)) for name, values in self._largest.items()},
            "tasks": self._tasks.list(),
            "groups": self._groups.list(),
            "outcomes": self._outcomes.list(),
            "episodes": {name: [row[name] for row in rows] for name in names},
            "rewards": {
                name: [row["rewards"].get(place) for row in rows] for place, name in enumerate(rewards)
            },
            "trees": self._trees,
            "pairs": self._pairs,
            "chunk": CHUNK,
        }

    def _row(self, iteration: int, episode: Trajectory, columns: Columns) -> dict[str, Any]:
        """Return what the list of episodes shows of one."""
        rewards: dict[int, float] = {}
        for turn in episode.turns:
            for name, value in turn.rewards.items():
                rewards[self._rewards(name)] = rewards.get(self._rewards(name), 0.0) + value
        told = {name: array[np.isfinite(array)] for name, array in columns.items()}
        for name, values in told.items():
            if len(values):
                self._largest.setdefault(name, []).append(float(np.abs(values).max()))
        credit = next((told[name] for name in ("credit", "push") if name in told and len(told[name])), None)
        return {
            "iteration": iteration,
            "task": self._tasks(episode.task.id),
            "group": self._groups(f"{iteration} {episode.group}"),
            "sample": episode.sample,
            "turns": len(episode.turns),
            "tokens": sum(len(turn.action_ids) for turn in episode.turns),
            "ret": number(episode.ret),
            "score": number(episode.score),
            "success": int(episode.success),
            "outcome": self._outcomes(episode.outcome),
            "invalid": sum(not turn.valid for turn in episode.turns),
            "calls": number(calls_of(episode)),
            "low": None if credit is None else number(credit.min()),
            "high": None if credit is None else number(credit.max()),
            "gap": number(_gap(episode, columns)),
            "rewards": {place: number(value) for place, value in rewards.items()},
        }


def _pairs(pairs: Iterable[Pair], first: int) -> list[list[float | None]]:
    """Return preferences as lists, what they compare counted from `first`."""
    return [[p.chosen + first, p.rejected + first, number(p.weight), number(p.margin)] for p in pairs]


def columns_of(sources: Iterable[Source]) -> list[str]:
    """Return the names of the columns of some iterations, in the order in which they are shown."""
    found = {name: None for source in sources for name in source.columns}
    return [name for name in FIRST if name in found] + sorted(name for name in found if name not in FIRST)


def chunk(episodes: Sequence[tuple[Trajectory, Columns]], names: Sequence[str], ids: set[int]) -> bytes:
    """Return some episodes packed; their tokens are added to `ids`."""
    action, prompt = array("i"), array("i")
    behaviour = array("f")
    columns: list[list[Floats]] = [[] for _ in names]
    for episode, known in episodes:
        count = 0
        for turn in episode.turns:
            action.extend(turn.action_ids)
            prompt.extend(turn.prompt_ids)
            behaviour.extend(turn.logprobs)
            count += len(turn.action_ids)
        missing = np.full(count, np.nan, dtype=np.float32)
        for place, name in zip(columns, names, strict=True):
            place.append(known.get(name, missing))
    ids.update(action, prompt)
    arrays = [np.array(action, "<u4"), np.array(prompt, "<u4"), np.array(behaviour, "<f4")]
    arrays += [np.concatenate(parts).astype("<f4") for parts in columns]
    told = {"action": len(action), "prompt": len(prompt), "episodes": [_episode(e) for e, _ in episodes]}
    text = json_bytes(told)
    text += b" " * (-len(text) % 4)
    body = b"".join(one.tobytes() for one in arrays)
    return gzip.compress(len(text).to_bytes(4, "little") + text + body, compresslevel=6, mtime=0)


def _episode(episode: Trajectory) -> dict[str, Any]:
    """Return what is read of an episode, but for numbers a token."""
    return {
        "reason": episode.reason,
        "terminated": episode.terminated,
        "truncated": episode.truncated,
        "seed": episode.task.seed,
        "metrics": dict(episode.metrics),
        "data": cut(episode.task.data) if episode.task.data else "",
        "final": "" if episode.final_state is None else cut(episode.final_state),
        "turns": [_turn(turn) for turn in episode.turns],
    }


def _turn(turn: Turn) -> dict[str, Any]:
    return {
        "observation": turn.observation,
        "action": turn.action,
        "text": turn.text,
        "rewards": dict(turn.rewards),
        "state": turn.state_key,
        "fresh": turn.fresh,
        "format": turn.format_valid,
        "admissible": turn.admissible,
        "calls": [{key: value if isinstance(value, str | int | float) else cut(value) for key, value in
                   call.items()} for call in turn.calls],
        "seconds": turn.seconds,
        "tokens": len(turn.action_ids),
        "prompt": len(turn.prompt_ids),
        "versions": [version for version, _ in turn.versions],
    }  # fmt: skip


def _gap(episode: Trajectory, columns: Columns) -> float:
    """Return the largest difference of the trainer's log-probability from the sampler's; nan: not known."""
    if "logp" not in columns:
        return math.nan
    behaviour = np.concatenate([np.array(turn.logprobs, np.float32) for turn in episode.turns])
    gap = np.abs(columns["logp"] - behaviour)
    return float(np.nanmax(gap)) if np.isfinite(gap).any() else math.nan


def cut(value: Any) -> str:
    """Return a value as readable JSON, cut where it is very long."""
    text = json.dumps(plain(value), ensure_ascii=False, indent=1)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} … ({len(text):,} characters)"


def number(value: Any) -> float | None:
    """Return a number in six digits; None where it is not finite.

    >>> number(1 / 3), number(math.nan)
    (0.333333, None)
    """
    value = float(value) + 0.0  # no -0
    return float(f"{value:.6g}") if math.isfinite(value) else None


def spread(values: Sequence[float]) -> float:
    """Return the size that most values stay under: where colours are full."""
    return float(np.quantile(values, 0.9))


def json_bytes(value: Any) -> bytes:
    """Return a value as JSON in ASCII: any text survives, numbers that are not finite become their names."""
    return json.dumps(plain(value), separators=(",", ":"), allow_nan=False).encode("ascii")


def plain(value: Any) -> Any:
    """Return JSON data without numbers that JSON does not know."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value

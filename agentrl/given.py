"""Data that a run is given in place of playing: files of `agentrl collect`, of runs, and texts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agentrl.datafile import Header, Kind, PlayedPair, fingerprint, read_header, read_pairs
from agentrl.errors import ConfigError, DataError
from agentrl.hfdata import is_dataset
from agentrl.imported import episodes_of, form_of, pairs_of_rows, read_rows
from agentrl.rollout.chat import Chat
from agentrl.trajectories import read_lines, read_trajectories
from agentrl.types import Trajectory

CHECKED = 50
"""episodes whose ids are decoded and compared with their text, where a file does not name its tokenizer"""


@dataclass(frozen=True, slots=True)
class Given:
    """What a file holds: episodes or pairs."""

    episodes: Sequence[Trajectory] = ()
    pairs: Sequence[PlayedPair] = ()

    def __bool__(self) -> bool:
        return bool(self.episodes or self.pairs)


def kind_at(path: Path, env: str) -> Kind:
    """Return what a file holds; the tokens are not looked at.

    Errors: ConfigError where there is no file, or one of another environment; DataError for neither.
    """
    header = _header(path)
    if header is not None and header.env not in ("", env):
        raise ConfigError(
            f"run.store={path} was collected in env '{header.env}', and this run is of '{env}'; say"
            f" env={header.env}"
        )
    if header is not None:
        return header.kind
    if _ours(path):
        return "episodes"
    return "episodes" if form_of(read_rows(path)[0]) == "messages" else "pairs"


def given(place: str | None, chat: Chat) -> Given:
    """Return the episodes or pairs of a file, in the tokens of this chat; texts are tokenised by it.

    Nothing where no file is named.

    Errors: ConfigError where there is no file, or one of other tokens; DataError where it is broken.
    """
    if place is None:
        return Given()
    path = Path(place)
    header = _header(path)
    if header is not None and header.tokenizer != fingerprint(chat.tokenizer):
        raise ConfigError(_other_tokens(path, header.model))
    if header is not None and header.kind == "pairs":
        return Given(pairs=list(read_pairs(path)))
    if header is not None or _ours(path):
        episodes = list(read_trajectories(path))
        if header is None and not _spells(episodes[:CHECKED], chat):
            raise ConfigError(_other_tokens(path, ""))
        return Given(episodes)
    rows = read_rows(path)
    if form_of(rows[0]) == "messages":
        return Given(episodes_of(rows, chat))
    return Given(pairs=pairs_of_rows(rows, chat))


def _other_tokens(path: Path, model: str) -> str:
    named = f" ({model})" if model else ""
    return (
        f"run.store={path} holds tokens of another tokenizer{named} than this model's; write it as text"
        f" with the model that played, and train on that: agentrl export {path} format=messages"
        " model=MODEL out=FILE.jsonl"
    )


def _header(path: Path) -> Header | None:
    if is_dataset(path):
        return None
    if not path.is_file():
        raise ConfigError(f"run.store={path}: there is no such file")
    return read_header(path) if path.suffix == ".gz" else None


def _ours(path: Path) -> bool:
    """Tell whether a file's first line is an episode with its tokens."""
    if path.suffix != ".gz":
        return False
    for _, line in read_lines(path):
        try:
            first = json.loads(line)
        except ValueError:
            return False
        return isinstance(first, dict) and "turns" in first
    raise DataError(f"{path} is empty")


def _spells(episodes: Sequence[Trajectory], chat: Chat) -> bool:
    """Tell whether the ids of replies are, to this tokenizer, the texts that stand beside them."""
    last = len(chat.tokenizer)
    for turn in (turn for episode in episodes for turn in episode.turns):
        if any(not 0 <= i < last for i in turn.action_ids):
            return False
        text = chat.decoded(turn.action_ids)
        if not (text.startswith(turn.text) or turn.text in f"<think>{text}"):
            return False
    return True

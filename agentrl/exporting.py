"""Data as text for other trainers, text as data, a run as a model: `agentrl export` and `agentrl import`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from agentrl.datafile import Header, PlayedPair, fingerprint, header_line, pair_line, read_header, read_pairs
from agentrl.disk import write_whole
from agentrl.errors import ConfigError, DataError, nearest
from agentrl.exchange import Form, Row, message_rows, pair_rows
from agentrl.given import given
from agentrl.hfdata import write_dataset
from agentrl.learner.model import load_tokenizer
from agentrl.modelcard import CARD, export_model
from agentrl.rollout.chat import Chat, Format
from agentrl.rollout.messages import Messages
from agentrl.trajectories import dump, read_trajectories, write_lines
from agentrl.types import Trajectory

HF = "hf"
FORMATS = (*get_args(Form), HF)
"""what `agentrl export` writes; hf: messages of episodes, or trl of pairs, as a data set on disk"""
KEYS = {"export": ("format", "out", "model"), "import": ("out", "model")}
"""words of each command, beside the file"""


MODEL = "model"
"""the format that is no text: weights, tokenizer and card; a run folder's, where none is named"""


def export_command(words: Sequence[str]) -> tuple[Path, int]:
    """Write what the words of `agentrl export` ask for; return the file and how many rows it has.

    A run's model is a folder, and counts as one.

    Errors: ConfigError for wrong words, DataError where there is nothing that has this form.
    """
    place, asked = said("export", words, KEYS["export"])
    if asked.get("format", MODEL) == MODEL and (place.is_dir() or "format" in asked):
        if MODEL in asked:
            raise ConfigError("format=model takes no model=: it writes the run's own")
        folder = export_model(place, Path(asked["out"]))
        print(f"{folder}: weights, tokenizer and {CARD}; say in {folder / CARD} what its licence is")
        return folder, 1
    named = _choice(asked.get("format", ""))
    episodes, pairs, model, tokenizer = _source(place)
    elsewhere = Messages()
    if tokenizer == fingerprint(elsewhere):  # an endpoint's words, whose tokens are not known
        chat = Chat(elsewhere, Format())
    else:
        chat = _chat(asked.get("model", model), place)
    if tokenizer and fingerprint(chat.tokenizer) != tokenizer:
        raise ConfigError(
            f"model={asked.get('model', model)} has another tokenizer than {place} was made with"
        )
    form: Form = ("trl" if pairs else "messages") if named == HF else named  # type: ignore[assignment]
    items: Sequence[Trajectory | PlayedPair]
    if form == "messages":
        items = episodes or [e for p in pairs for e in (p.chosen, p.rejected)]
    else:
        items = pairs or best_and_worst(episodes)
    if not items:
        raise DataError(f"{place} holds no two episodes of a task of which one went better")
    rows = _rows(items, chat, form)
    out = Path(asked["out"])
    out.parent.mkdir(parents=True, exist_ok=True)
    if named == HF:
        write_dataset(rows, out)
    else:
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        write_whole(out, lines.encode("utf-8", "replace"))
    print(f"{len(rows)} rows in {out}")
    return out, len(rows)


def import_command(words: Sequence[str]) -> tuple[Path, int]:
    """Write the data file of a text that `agentrl import` names; return it and how many lines it has.

    Errors: ConfigError for wrong words, DataError where the text has no known form.
    """
    place, asked = said("import", words, KEYS["import"])
    chat = _chat(asked.get("model", ""), place)
    found = given(str(place), chat)
    header = Header("pairs" if found.pairs else "episodes", "", fingerprint(chat.tokenizer), asked["model"])
    lines = [*map(pair_line, found.pairs), *map(dump, found.episodes)]
    out = Path(asked["out"])
    if not out.name.endswith(".jsonl.gz"):
        raise ConfigError(f"out={out}: data files are named FILE.jsonl.gz")
    count = write_lines(out, [header_line(header), *lines]) - 1
    print(f"{count} {header.kind} in {out}")
    return out, count


def _rows(items: Sequence[Trajectory | PlayedPair], chat: Chat, form: Form) -> list[Row]:
    """Return the rows of those that have this form; how many have not is printed.

    Errors: DataError where none has, with the reason of the last.
    """
    rows: list[Row] = []
    reasons: list[DataError] = []
    for item in items:
        try:
            if isinstance(item, PlayedPair):
                rows += pair_rows([item], chat, form)
            else:
                rows += message_rows([item], chat)
        except DataError as why:  # a reply that spells a template's tokens is part of no conversation
            reasons.append(why)
    if not rows:
        raise reasons[-1]
    if reasons:
        print(f"{len(reasons)} of {len(items)} left out: {reasons[-1]}")
    return rows


def best_and_worst(episodes: Sequence[Trajectory]) -> list[PlayedPair]:
    """Return each group's episodes with the highest and the lowest return, where they differ.

    A pair is compared from the first turn on in which the two said something else.
    """
    groups: dict[str, list[Trajectory]] = {}
    for episode in episodes:
        if episode.scorable and episode.turns:
            groups.setdefault(episode.group, []).append(episode)
    found = []
    for members in groups.values():
        best, worst = (end(members, key=lambda e: e.ret) for end in (max, min))
        said = [[turn.action_ids for turn in one.turns] for one in (best, worst)]
        turn = next((i for i, (a, b) in enumerate(zip(*said, strict=False)) if a != b), None)
        if best.ret > worst.ret and turn is not None:
            found.append(PlayedPair(best, worst, turn, True, margin=best.score - worst.score))
    return found


def said(verb: str, words: Sequence[str], keys: Sequence[str]) -> tuple[Path, Mapping[str, str]]:
    """Return the file or folder and what is said by key.

    Errors: ConfigError for an unknown key, and where one is missing.
    """
    places = [word for word in words if "=" not in word]
    asked = {key: text for key, equals, text in (word.partition("=") for word in words) if equals}
    for key in asked:
        if key not in keys:
            raise ConfigError(f"{verb} has no '{key}'{nearest(key, keys)} (it has: {', '.join(keys)})")
    optional = ("format", "model") if verb == "export" else ()
    needed = [key for key in keys if key not in optional]
    missing = [key for key in needed if not asked.get(key)]
    if len(places) != 1 or missing:
        raise ConfigError(
            f"{verb} takes one file and {', '.join(f'{key}=...' for key in needed)}"
            + (f"; of stored episodes also format=... ({', '.join(FORMATS)})" if verb == "export" else "")
        )
    return Path(places[0]), asked


def _choice(name: str) -> str:
    if name not in FORMATS:
        known = (MODEL, *FORMATS)
        raise ConfigError(f"format={name}{nearest(name, known)} (there are: {', '.join(known)})")
    return name


def _source(place: Path) -> tuple[list[Trajectory], list[PlayedPair], str, str]:
    """Return episodes, pairs, model and tokenizer fingerprint of a data file or a run."""
    if place.is_dir():
        files = sorted((place / "trajectories").glob("*.jsonl.gz"))
        if not files:
            raise ConfigError(f"{place} holds no stored episodes: run again with trajectories=1")
        return [e for path in files for e in read_trajectories(path)], [], str(place / "model"), ""
    if not place.is_file():
        raise ConfigError(f"there is no file or run {place}")
    header = read_header(place)
    if header is not None and header.kind == "pairs":
        return [], list(read_pairs(place)), header.model, header.tokenizer
    named = (header.model, header.tokenizer) if header is not None else ("", "")
    return list(read_trajectories(place)), [], *named


def _chat(model: str, place: Path) -> Chat:
    if not model or model == "tiny":
        raise ConfigError(f"{place} does not say which model's tokens it holds; say model=RUN/model")
    folder = Path(model)
    if (folder / "config.toml").is_file():
        model = str(folder / "model")
    return Chat(load_tokenizer(model), Format())

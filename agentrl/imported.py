"""Episodes and pairs read from text: the forms of `exchange`, tokenised by a chat."""

import gzip
import json
from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from agentrl.datafile import PlayedPair
from agentrl.errors import ConfigError, DataError
from agentrl.exchange import STEP_DPO, Form, Row, spoken_text
from agentrl.hfdata import is_dataset, read_dataset
from agentrl.rollout.chat import Chat
from agentrl.types import Task, Trajectory, Turn, floats32, ids32

T = TypeVar("T")
PAIR = frozenset({"prompt", "chosen", "rejected"})


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a file: JSON lines, or one JSON list; `.gz` is unpacked; or of a data set on disk.

    Errors: DataError naming the line that is no object.
    """
    if is_dataset(path):
        return read_dataset(path)
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            text = file.read()
        if text.lstrip().startswith("["):
            rows: list[Row] = json.loads(text)
        else:
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError, EOFError) as why:
        raise DataError(f"{path}: {why}") from why
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise DataError(f"{path}, row {number}: not an object")
    if not rows:
        raise DataError(f"{path} holds nothing")
    return rows


def form_of(row: Row) -> Form:
    """Return the form that a row has.

    Errors: DataError where it has none of them.
    """
    if "messages" in row:
        return "messages"
    if row.keys() >= PAIR:
        plain: Form = "trl_plain" if isinstance(row["prompt"], str) else "trl"
        return "step_dpo" if STEP_DPO in row else plain
    raise DataError(
        f"a row holds {', '.join(map(str, row)) or 'nothing'}; known are messages, prompt/chosen/rejected"
        f" and prompt/{STEP_DPO}/chosen/rejected"
    )


def episodes_of(rows: Sequence[Row], chat: Chat) -> list[Trajectory]:
    """Return an episode for each row of messages, tokenised by the chat.

    Errors: DataError naming the row that is no conversation with a reply.
    """
    return _each(rows, lambda row: _episode(row, chat))


def pairs_of_rows(rows: Sequence[Row], chat: Chat) -> list[PlayedPair]:
    """Return a pair for each row of preferences, tokenised by the chat.

    Errors: DataError naming the row that is none.
    """
    return _each(rows, lambda row: _pair(row, chat))


def _each(rows: Sequence[Row], make: Callable[[Row], T]) -> list[T]:
    found = []
    for number, row in enumerate(rows, 1):
        try:
            found.append(make(row))
        except KeyError as why:
            raise DataError(f"row {number}: there is no {why}") from why
        except (DataError, ConfigError, TypeError, AttributeError, ValueError) as why:
            raise DataError(f"row {number}: {why}") from why
    return found


def _task(row: Row) -> Task:
    return Task(str(row.get("task", "")), "train", 0, {"answer": row["answer"]} if "answer" in row else {})


def _whole(row: Row, turns: Sequence[Turn], *, good: bool) -> Trajectory:
    score = float(row.get("score", float(good)))
    ret = float(row.get("return", score))
    last = replace(turns[-1], rewards={"task": ret})
    return Trajectory(
        task=_task(row), group=str(row.get("group", row.get("task", ""))), sample=int(row.get("sample", 0)),
        turns=(*turns[:-1], last), outcome="success" if good else "failure", terminated=True, ret=ret,
        score=score, success=good,
    )  # fmt: skip


def _turn(observation: str, prompt: "array[int]", reply: "array[int]", text: str, *, fresh: bool) -> Turn:
    zeros = floats32([0.0] * len(reply))
    return Turn(observation, prompt, reply, zeros, text, text, {}, "", fresh)


def _said(message: Row) -> tuple[str, str]:
    role = str(message["role"])
    if role == "assistant":
        return role, spoken_text(message)
    content = message["content"]
    if not isinstance(content, str):
        raise DataError(f"the content of a {role} message is {type(content).__name__}, not text")
    return role, content


def turns_of(messages: Sequence[Row], chat: Chat, context: int = 0) -> list[Turn]:
    """Return the replies of a conversation as turns; the first `context` messages hold none.

    Errors: DataError where there is no reply.
    """
    said = [_said(message) for message in messages]
    turns: list[Turn] = []
    text, ids = "", ids32()
    for place, (role, content) in enumerate(said):
        if role != "assistant":
            continue
        if place < context or messages[place].get("weight", 1) == 0:
            text, ids = "", ids32()  # what comes next is read whole
            continue
        prompt = chat.rendered(said[:place])
        fresh = not len(ids) or not prompt.startswith(text)
        added = chat.encoded(prompt if fresh else prompt[len(text) :])
        reply = chat.ended(chat.encoded(content))
        turns.append(_turn(said[place - 1][1] if place else "", added, reply, content, fresh=fresh))
        text, ids = prompt + chat.decoded(reply), (added if fresh else ids + added) + reply
    if not turns:
        raise DataError("the conversation holds no reply to learn from")
    return turns


def _episode(row: Row, chat: Chat) -> Trajectory:
    return _whole(row, turns_of(row["messages"], chat), good=bool(row.get("success", True)))


def _pair(row: Row, chat: Chat) -> PlayedPair:
    form = form_of(row)
    if form == "messages":
        raise DataError("messages are no pair")
    about = {key: text for key, text in row.items() if key not in ("score", "return", "success")}
    chosen, rejected = (
        _whole(about, _side(row, name, form, chat), good=name == "chosen") for name in ("chosen", "rejected")
    )
    weight, margin = float(row.get("weight", 1.0)), float(row.get("margin", 0.0))
    return PlayedPair(chosen, rejected, 0, True, weight, margin)


def _side(row: Row, name: str, form: Form, chat: Chat) -> list[Turn]:
    """Return the turns of one side of a pair."""
    if form == "trl":
        prompt = list(row["prompt"])
        return turns_of([*prompt, *row[name]], chat, len(prompt))
    before, reply = row["prompt"], chat.encoded(row[name])
    if form == "trl_plain":
        return [_turn(before, chat.encoded(before), chat.ended(reply), row[name], fresh=True)]
    rules = [("system", row["system"])] if row.get("system") else []
    # A step is not the end of what is said: no end token is put behind it.
    before = chat.rendered([*rules, ("user", before)]) + row[STEP_DPO]
    return [_turn(before, chat.encoded(before), reply, row[name], fresh=True)]

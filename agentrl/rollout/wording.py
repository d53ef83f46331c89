"""The words around an episode: what a prompt says, and how a reply is read."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from agentrl.toolcalls import CLOSE, OPEN, spoken

Style = Literal["plain", "think", "whole", "tools"]
Said = tuple[tuple[str, str], ...]

FORM = "<think>your reasoning</think><action>your action</action>"
TAIL = 20
"""characters of a reply without tags that are tried as the action"""
WHOLE_TAIL = 30
"""the same where the environment writes its own prompts"""
_CJK = re.compile(r"[\u4e00-\u9fff]")


class Past(NamedTuple):
    """An earlier turn."""

    observation: str
    action: str
    valid: bool

    @property
    def shown(self) -> str:
        """The action as prompts repeat it."""
        return self.action if self.valid else f"{self.action} (invalid)"


class Scene(NamedTuple):
    """What a turn is about."""

    goal: str
    """empty where it cannot be said apart from the observation"""
    rules: str
    seen: str
    """the observation"""
    listed: Sequence[str] | None
    """every action of use, where they can be listed"""


def reply(action: str, style: Style, thought: str = "") -> str:
    """Return an action as a reply in this style, which may have no place for the thought.

    >>> reply("look", "think", "where am I?")
    '<think>where am I?</think><action>look</action>'
    """
    return action if style in ("plain", "tools") else f"<think>{thought}</think><action>{action}</action>"


def parsed(text: str, style: Style) -> tuple[str, bool]:
    """Return the action in a reply, and whether the reply has the form asked for.

    >>> parsed("<think>east?</think><action>go east</action>", "think")
    ('go east', True)
    >>> parsed("I would like to go east", "think")
    ('would like to go east'[-20:], False)

    Edge: without both action tags the last 20 characters are the action; without both thought tags, or with
          CJK characters, the action runs but the form is wrong. `whole` does not tell upper from lower case,
          and takes the last 30. `tools`: everything but thoughts is the action.
    """
    if style == "tools":
        text = spoken(text).strip()
        return text, bool(text)
    if style == "plain":
        return text.strip(), bool(text.strip())
    tail = TAIL
    if style == "whole":
        text, tail = text.lower(), WHOLE_TAIL
    begin = text.find("<action>")
    end = text.find("</action>", begin + 8)
    if begin < 0 or end < 0:
        return text[-tail:], False
    formed = "<think>" in text and "</think>" in text and not _CJK.search(text)
    return text[begin + 8 : end].strip(), formed


def window(style: Style, scene: Scene, past: Sequence[Past], history: int) -> Said:
    """Return the messages of a turn that stands alone, with the last `history` turns."""
    if style == "whole":
        return (("user", scene.seen),)
    last = past[len(past) - history :]
    if style == "plain":
        done = " ; ".join(turn.shown for turn in last)
        # The goal stands right before the action, too: a small model copies best over a fixed distance.
        return (("user", _line(scene.goal, scene.seen, done, scene.goal, "act")),)
    parts = [f"Goal: {scene.goal}"] if scene.goal else []
    if past:
        told = [f"Steps taken so far: {len(past)}." + (f" The last {history}:" if history else "")]
        for number, turn in enumerate(last, len(past) - history + 1):
            told += [f"Observation {number}: {turn.observation}", f"Action {number}: {turn.shown}"]
        parts.append("\n".join(told))
    parts.append(f"Observation {len(past) + 1}, now:\n{scene.seen}")
    return (("system", _rules(scene.rules)), ("user", "\n\n".join(parts + _request(scene.listed))))


def next_messages(style: Style, scene: Scene, *, first: bool) -> Said:
    """Return the messages that a growing conversation gains before a turn."""
    if style == "whole":
        return (("user", scene.seen),)
    if style == "plain":
        # Once only: a small model that reads the goal before the page, too, mixes up the asked and the told.
        return (("user", _line(scene.seen, scene.goal, "act")),)
    if style == "tools" and not first:
        return (("tool", scene.seen),)
    parts = [f"Goal: {scene.goal}"] if first and scene.goal else []
    if style == "tools":
        return (("system", scene.rules), ("user", "\n\n".join([*parts, scene.seen])))
    asked = ("user", "\n\n".join([*parts, scene.seen, *_request(scene.listed)]))
    return (("system", _rules(scene.rules)), asked) if first else (asked,)


def result(text: str) -> str:
    """Return what tools answered as a user message, where the chat template has no role for it."""
    return f"<tool_response>\n{text}\n</tool_response>"


def offered(tools: Sequence[Mapping[str, Any]]) -> str:
    """Return how tools are told where the chat template does not do it; empty where there are none."""
    if not tools:
        return ""
    listed = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
    form = f'{OPEN}\n{{"name": <name of the tool>, "arguments": <JSON object>}}\n{CLOSE}'
    return (
        "You may call these tools, given as JSON schemas:\n"
        f"<tools>\n{listed}\n</tools>\nA call is a JSON object in a block of its own:\n{form}"
    )


def _line(*parts: str) -> str:
    """Return the parts that say something, on one line."""
    flat = (" ".join(part.split()) for part in parts)
    return " | ".join(part for part in flat if part)


def _rules(rules: str) -> str:
    how = "Act one step at a time. First think, then give exactly one action, in this form:"
    return f"{rules}\n\n{how}\n{FORM}".strip()


def _request(listed: Sequence[str] | None) -> list[str]:
    """Return the end of a user message: which actions there are, and what to answer."""
    shown = ["Possible actions:\n" + "\n".join(f"- {action}" for action in listed)] if listed else []
    return [*shown, f"Answer with {FORM}"]

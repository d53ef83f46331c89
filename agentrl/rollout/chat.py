"""Messages to tokens and back, through the tokenizer's own chat template.

What the policy wrote is never tokenised again. A growing conversation is rendered as text, compared with the
text so far, and only what was added is tokenised; where a template rewrites the past (it strips earlier
thoughts, or trims what was said) the turn starts a new segment with the whole of it.
"""

import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from agentrl.errors import ConfigError
from agentrl.rollout import wording
from agentrl.rollout.wording import Past, Scene
from agentrl.types import Sample, ids32

_MARK = "agentrlmark"
_OFFER = {"type": "function", "function": {"name": _MARK, "description": "", "parameters": {}}}
_CACHED, _SHORT = 8192, 512
"""texts remembered: members of a group read alike, and evaluations repeat; characters of one worth it"""


Offer = Sequence[Mapping[str, Any]]
"""tools as JSON schemas"""


@dataclass(frozen=True, slots=True)
class Format:
    """How an episode is put into prompts."""

    mode: Literal["window", "transcript"] = "window"
    """window: each turn is a prompt of its own; transcript: one growing conversation"""
    style: wording.Style = "think"
    """plain: the reply is the action; think: <think>...</think><action>...</action>; whole: the same, and the
    observation is the whole prompt; tools: the chat template offers tools, and the reply but for its thoughts
    is the action"""
    history: int = 2
    """window: earlier turns shown"""
    max_context: int = 4096
    """prompt and reply, in tokens"""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the sampler is asked with."""

    context: "array[int]"
    """everything the model reads"""
    added: "array[int]"
    """its end that is new in this turn: all of it where `fresh`"""
    fresh: bool


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a reply says."""

    text: str
    action: str
    valid: bool
    """it has the form that was asked for"""


class Chat:
    """A tokenizer and a format: opens dialogues, encodes and decodes.

    Errors: ConfigError where the tokenizer has no chat template, or one that hides what is said.
    """

    def __init__(self, tokenizer: Any, form: Format) -> None:
        if not getattr(tokenizer, "chat_template", None):
            raise ConfigError("the tokenizer has no chat template; use an instruct model, or set one")
        self.tokenizer = tokenizer
        self.form = form
        self._window = lru_cache(maxsize=_CACHED)(lambda said: self.encoded(self.rendered(said)))
        self._short = lru_cache(maxsize=_CACHED)(self._encoded)
        self._brief = lru_cache(maxsize=_CACHED)(self.rendered)
        specials = sorted((t.content for t in tokenizer.added_tokens_decoder.values() if t.special), key=len)
        self._special = re.compile("|".join(re.escape(token) for token in reversed(specials)) or r"(?!)")
        self._takes_system = self._takes_results = True  # until the template shows that it does not
        self._takes_system = self._shows([("system", _MARK), ("user", "hello")])
        self._takes_results = self._shows([("user", "hello"), ("assistant", "look"), ("tool", _MARK)])
        self._takes_tools = self._shows([("user", "hello")], [_OFFER])
        self.end = self._end_token()
        """id of the token that the template puts after a reply"""

    def opened(self, goal: str, instructions: str, tools: Offer = ()) -> "Dialogue":
        """Return the dialogue of an episode that has just begun, in which replies may call these tools.

        Where the style is not `tools`, or the template has no place for them, the instructions tell of them.
        """
        native = self.form.style == "tools" and self._takes_tools
        told = instructions if native else f"{instructions}\n\n{wording.offered(tools)}".strip()
        return Dialogue(self, goal, told, tools if native else ())

    def encoded(self, text: str) -> "array[int]":
        """Return the ids of a text; special tokens written in it become special tokens, none is added."""
        return self._short(text)[:] if len(text) <= _SHORT else self._encoded(text)

    def decoded(self, ids: Sequence[int]) -> str:
        """Return the text of ids, special tokens included."""
        text: str = self.tokenizer.backend_tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def reply(self, action: str) -> "array[int]":
        """Return an action as the policy should have written it, with the end token."""
        return self.ended(self.option(action))

    def ended(self, ids: "array[int]") -> "array[int]":
        """Return a reply with the end token after it."""
        return ids + ids32([self.end])

    def option(self, action: str, thought: str = "") -> "array[int]":
        """Return an action as a reply in the format's style, without the end token."""
        return self.encoded(self.defused(wording.reply(action, self.form.style, thought)))

    def defused(self, text: str) -> str:
        """Return a text in which no special token is spelt: the world cannot speak as the template does."""
        return self._special.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)

    def specials(self, text: str) -> list[tuple[int, int]]:
        """Return where special tokens are spelt in a text: first character, and one past the last."""
        return [found.span() for found in self._special.finditer(text)]

    def rendered(self, said: Sequence[tuple[str, str]], *, ask: bool = True, tools: Offer = ()) -> str:
        """Return (role, content) messages as the template writes them, with the reply begun where `ask`."""
        if not self._takes_results:
            said = [("user", wording.result(text)) if role == "tool" else (role, text) for role, text in said]
        if said and said[0][0] == "system" and not self._takes_system:
            (_, rules), (role, first), *rest = said
            said = [(role, f"{rules}\n\n{first}"), *rest]
        messages = [{"role": role, "content": content} for role, content in said]
        text: str = self.tokenizer.apply_chat_template(
            messages, tools=list(tools) or None, tokenize=False, add_generation_prompt=ask
        )
        return text

    def transcript(self, said: Sequence[tuple[str, str]], tools: Offer) -> str:
        """Return messages as the template writes them, the reply begun; remembered where they are few."""
        if tools or sum(len(content) for _, content in said) > _SHORT:
            return self.rendered(said, tools=tools)
        return self._brief(tuple(said))

    def window(self, said: tuple[tuple[str, str], ...]) -> "array[int]":
        """Return the ids of messages that stand alone; remembered."""
        return self._window(said)

    def parsed(self, sample: Sample, *, thinking: bool = False) -> Parsed:
        """Return what a reply says. `thinking`: the prompt had already opened the thought."""
        ended = sample.stop == "stop"
        text = self.decoded(sample.ids[:-1] if ended else sample.ids)
        action, valid = wording.parsed(f"<think>{text}" if thinking else text, self.form.style)
        # A reply without tags that was cut off is half an action.
        return Parsed(text, action, valid and (ended or self.form.style not in ("plain", "tools")))

    def _encoded(self, text: str) -> "array[int]":
        return ids32(self.tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids)

    def _shows(self, said: Sequence[tuple[str, str]], tools: Offer = ()) -> bool:
        """Tell whether the template shows a mark that is in these messages or tools."""
        try:
            return _MARK in self.rendered(said, tools=tools).lower()
        except Exception:  # templates refuse a role with whatever their engine raises
            return False

    def _end_token(self) -> int:
        text = self.rendered([("user", "hello"), ("assistant", _MARK)], ask=False)
        if _MARK not in text.lower():
            raise ConfigError("the tokenizer's chat template leaves out what the assistant says")
        after = self.encoded(text[text.lower().rindex(_MARK) + len(_MARK) :])
        if after and self.tokenizer.added_tokens_decoder.get(after[0]) is not None:
            return after[0]
        if self.tokenizer.eos_token_id is None:
            raise ConfigError(
                "neither the chat template nor the tokenizer names an end token; replies would never end"
            )
        return int(self.tokenizer.eos_token_id)


class Dialogue:
    """One episode as the policy reads it."""

    def __init__(self, chat: Chat, goal: str, instructions: str, tools: Offer = ()) -> None:
        self._chat = chat
        self._tools = tools
        self._goal = chat.defused(goal)
        self._rules = chat.defused(instructions)
        self._past: list[Past] = []
        self._said: list[tuple[str, str]] = []
        self._text = ""
        """the segment so far, as text"""
        self._ids = ids32()
        """the segment so far"""

    def copied(self) -> "Dialogue":
        """Return a dialogue that goes on from here by itself."""
        twin = Dialogue(self._chat, self._goal, self._rules, self._tools)
        twin._past, twin._said = self._past[:], self._said[:]
        twin._text, twin._ids = self._text, self._ids[:]
        return twin

    def prompt(self, observation: str, admissible: Sequence[str] | None, room: int) -> Prompt | None:
        """Return the next prompt; None where it and a reply of `room` tokens exceed the format's context."""
        defused = self._chat.defused
        listed = [defused(action) for action in admissible] if admissible is not None else None
        scene = Scene(self._goal, self._rules, defused(observation), listed)
        most = self._chat.form.max_context - room
        return (
            self._window(scene, most) if self._chat.form.mode == "window" else self._transcript(scene, most)
        )

    def answered(self, observation: str, sample: Sample) -> Parsed:
        """Take the reply to the last prompt and return what it says."""
        form = self._chat.form
        parsed = self._chat.parsed(
            sample, thinking=form.style != "plain" and self._text.rstrip().endswith("<think>")
        )
        self._past.append(
            Past(self._chat.defused(observation), self._chat.defused(parsed.action), parsed.valid)
        )
        if form.mode == "transcript":
            self._said.append(("assistant", parsed.text))
            self._text += self._chat.decoded(sample.ids)
            self._ids += sample.ids
        return parsed

    def refused(self) -> None:
        """Note that the environment could not use the last action."""
        last = self._past[-1]
        self._past[-1] = Past(last.observation, last.action, False)

    def _window(self, scene: Scene, most: int) -> Prompt | None:
        form = self._chat.form
        for history in range(min(form.history, len(self._past)), -1, -1):
            ids = self._chat.window(wording.window(form.style, scene, self._past, history))
            if len(ids) <= most:
                # Of a prompt that stands alone only its end matters: whether it opens the thought.
                self._text = self._chat.decoded(ids[-8:]) if form.style != "plain" else ""
                return Prompt(ids, ids, True)
        return None

    def _transcript(self, scene: Scene, most: int) -> Prompt | None:
        self._said += wording.next_messages(self._chat.form.style, scene, first=not self._said)
        text = self._chat.transcript(self._said, self._tools)
        fresh = not self._ids or not text.startswith(self._text)
        added = self._chat.encoded(text if fresh else text[len(self._text) :])
        context = added if fresh else self._ids + added
        if len(context) > most:
            return None
        self._text, self._ids = text, context[:]
        return Prompt(context, added, fresh)

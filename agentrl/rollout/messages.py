"""Chats with a model whose tokens are unknown: ids that stand for text, and messages as endpoints take them.

An endpoint reads messages and returns text. So that dialogues, windows and records work as everywhere, texts
become ids that hold three bytes each: nothing is lost, and their number is an estimate of the tokens.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from agentrl.rollout.wording import result
from agentrl.toolcalls import CLOSE, MOST_CALLS, OPEN, said, spoken

END = 0
"""the id that ends a reply"""
BYTES = 3
"""of UTF-8 in an id: English has about four in a token, JSON about three"""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TAG = re.compile(r"<(?=/?(?:think|tool_call)>)")
_TOGETHER = "(answered together with the first call)"


@dataclass(frozen=True, slots=True)
class Packed:
    """The ids of a text, as tokenizers return them."""

    ids: list[int]


class Messages:
    """What a `Chat` needs of a tokenizer, where the model's own is not known.

    >>> words = Messages()
    >>> words.decode(words.encode("naïve").ids)
    'naïve'
    """

    chat_template: ClassVar[str] = "messages"
    added_tokens_decoder: ClassVar[Mapping[int, Any]] = {}
    eos_token_id: ClassVar[int] = END

    @property
    def backend_tokenizer(self) -> "Messages":
        """This one: it has no other behind it."""
        return self

    def get_vocab(self) -> dict[str, int]:
        """Return no words: ids stand for bytes."""
        return {}

    def encode(self, text: str, add_special_tokens: bool = False) -> Packed:
        """Return the ids of a text; lone surrogates become question marks."""
        held = text.encode("utf-8", errors="replace")
        parts = (held[place : place + BYTES] for place in range(0, len(held), BYTES))
        return Packed([len(part) << 8 * BYTES | int.from_bytes(part, "big") for part in parts])

    def decode(self, ids: Sequence[int], **_: bool) -> str:
        """Return the text of ids; the end is no text."""
        parts = (
            (i & (1 << 8 * BYTES) - 1).to_bytes(BYTES, "big")[BYTES - (i >> 8 * BYTES) :] for i in ids if i
        )
        return b"".join(parts).decode("utf-8", errors="replace")

    def apply_chat_template(
        self, messages: Sequence[Mapping[str, str]], tools: Sequence[Any] | None = None, **_: bool
    ) -> str:
        """Return messages, and the tools they may call, as the JSON of a request's body."""
        body: dict[str, Any] = {"messages": list(_sent(messages, bool(tools)))}
        return json.dumps(body | ({"tools": list(tools)} if tools else {}), ensure_ascii=False)


def sent(body: str) -> list[tuple[str, str]] | None:
    """Return (role, text) of the messages that a request's body holds; None where it holds none."""
    try:
        messages = json.loads(body)["messages"]
    except (ValueError, KeyError, TypeError):
        return None
    return [(one["role"], text_of(one)) for one in messages]


def text_of(message: Mapping[str, Any]) -> str:
    """Return what an assistant message says, its `tool_calls` written as blocks that `toolcalls.said` reads.

    Edge: beside calls, thoughts are left out of the text; what is no call becomes a block that says so.
    """
    content = message.get("content")
    text = content if isinstance(content, str) else ""
    listed = message.get("tool_calls")
    if not isinstance(listed, list) or not listed:
        return text
    around = spoken(text).replace(OPEN, "< tool_call>").strip()
    # One more than are read, so that whoever reads them notices.
    return "\n".join([*([around] if around else []), *map(_block, listed[: MOST_CALLS + 1])])


def _block(entry: Any) -> str:
    """Return a call of a message as a block; tags in its arguments must not end it."""
    inner = entry.get("function") if isinstance(entry, Mapping) else None
    call: Any = None
    if isinstance(inner, Mapping):
        given = inner.get("arguments", {})
        try:
            plain = json.loads(given or "{}") if isinstance(given, str) else given
        except (ValueError, RecursionError):
            plain = given
        call = {"name": inner.get("name"), "arguments": plain if isinstance(plain, Mapping) else given}
    return f"{OPEN}\n{_TAG.sub(lambda _: chr(92) + 'u003c', json.dumps(call, ensure_ascii=False))}\n{CLOSE}"


def _sent(messages: Sequence[Mapping[str, str]], offered: bool) -> Iterator[dict[str, Any]]:
    """Yield messages, with calls and results in the fields for them where tools are `offered` there.

    A reply whose calls are not all well-formed stays text, as servers refuse such calls.
    """
    open_calls: list[str] = []
    for number, one in enumerate(messages):
        role, text = one["role"], one["content"]
        if role == "assistant" and offered:
            reply = said(text)
            calls = reply.calls
            if not calls or any(call.error or not _NAME.fullmatch(call.name) for call in calls):
                open_calls = []
                yield {"role": role, "content": text}
                continue
            open_calls = [f"call_{number}_{place}" for place in range(len(calls))]
            functions = ({"name": call.name, "arguments": json.dumps(call.arguments)} for call in calls)
            listed = [
                {"id": name, "type": "function", "function": function}
                for name, function in zip(open_calls, functions, strict=True)
            ]
            yield {"role": role, "content": reply.text, "tool_calls": listed}
        elif role == "tool" and open_calls:
            # The results of a turn come as one text; every call must have an answer.
            for place, name in enumerate(open_calls):
                yield {"role": role, "tool_call_id": name, "content": _TOGETHER if place else text}
            open_calls = []
        else:
            yield {"role": "user", "content": result(text)} if role == "tool" else dict(one)

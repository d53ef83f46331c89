"""From a rendered conversation back to its messages, held to rendering to the same text again."""

import re
from dataclasses import dataclass
from itertools import takewhile

from agentrl.rollout.chat import Chat
from agentrl.rollout.messages import Messages as Unknown
from agentrl.rollout.messages import sent

Messages = list[tuple[str, str]]
"""(role, content), the oldest first"""
_MARKS = ("agentrlfirst", "agentrlsecond", "agentrlthird")


@dataclass(frozen=True, slots=True)
class _Template:
    """What a chat template writes around messages."""

    around: dict[str, tuple[str, str]]
    """by role, before and after a content"""
    asking: str
    """what begins a reply"""


def unrendered(chat: Chat, text: str) -> Messages | None:
    """Return the messages that the chat's template renders to this text; None where there are none such.

    A text that ends where a reply begins, ends with the message before it. Thoughts that a template left out,
    or rules that it put elsewhere, cannot be known: the messages are some that give this text.
    """
    if isinstance(chat.tokenizer, Unknown):
        return sent(text)
    template = _template(chat)
    if template is None:
        return None
    asks = bool(template.asking) and text.endswith(template.asking)
    body = text.removesuffix(template.asking) if asks else text
    by_opening = {before: role for role, (before, _) in template.around.items()}
    either = "|".join(re.escape(o) for o in sorted(by_opening, key=len, reverse=True))
    parts = re.split(f"({either})", body)
    roles = [by_opening[opening] for opening in parts[1::2]]
    found = [
        (role, content.removesuffix(template.around[role][1]))
        for role, content in zip(roles, parts[2::2], strict=True)
    ]
    try:
        return found if found and chat.rendered(found, ask=asks) == text else None
    except Exception:  # templates refuse an order of roles with whatever their engine raises
        return None


def _template(chat: Chat) -> _Template | None:
    """Return what the template writes, found out by rendering marks; None where it hides them."""
    one, two, three = _MARKS
    plain = chat.rendered([("user", one), ("assistant", two), ("user", three)], ask=False)
    asked = chat.rendered([("user", one)])
    alone = chat.rendered([("user", one)], ask=False)
    if any(mark not in plain for mark in _MARKS) or not asked.startswith(alone):
        return None
    before, rest = plain.split(one)
    to_reply, rest = rest.split(two)
    to_user, _ = rest.split(three)
    opening = _common_end(chat, before, to_user)
    closing = alone.partition(one)[2]
    if not opening or not to_reply.startswith(closing) or to_reply == closing:
        return None
    around = {
        "user": (opening, closing),
        "assistant": (to_reply.removeprefix(closing), to_user.removesuffix(opening)),
    }
    ruled = _try(chat, [("system", two), ("user", one)])
    start = ruled.partition(two)[0].removeprefix(before.removesuffix(opening))
    between = ruled.partition(two)[2].partition(one)[0]
    if between.endswith(opening) and start and start not in (opening, around["assistant"][0]):
        around["system"] = (start, between.removesuffix(opening))
    answered = _try(chat, [("user", one), ("assistant", two), ("tool", three)]).partition(two)[2]
    start, _, end = answered.removeprefix(around["assistant"][1]).partition(three)
    if start and start not in [before for before, _ in around.values()]:
        around["tool"] = (start, end)
    return _Template(around, asked.removeprefix(alone))


def _try(chat: Chat, said: Messages) -> str:
    """Return what the template makes of messages; empty where it refuses them."""
    try:
        return chat.rendered(said, ask=False)
    except Exception:  # with whatever its engine raises
        return ""


def _common_end(chat: Chat, one: str, other: str) -> str:
    """Return the longest common end of two texts that does not begin inside a special token."""
    shared = takewhile(lambda both: both[0] == both[1], zip(reversed(one), reversed(other), strict=False))
    found = one[len(one) - sum(1 for _ in shared) :]
    for text in (one, other):
        cut = len(text) - len(found)
        inside = [end for begin, end in chat.specials(text) if begin < cut < end]
        found = text[inside[0] :] if inside else found
    return found

"""Episodes and pairs as text, in forms that other trainers read, and back.

messages   {"messages": [...]}: a conversation; assistant messages with "weight": 0 are context
trl        {"prompt": [...], "chosen": [...], "rejected": [...]}: TRL's conversational preferences
trl_plain  {"prompt": "...", "chosen": "...", "rejected": "..."}: the same as the text that a model reads
step_dpo   {"prompt", "initial_reason_steps", "chosen", "rejected", "full_chosen", "full_rejected", "dataset",
           "answer"}: a problem, what is said already, and two ways to go on

Texts are tokenised by the model that reads them, so ids may be others than those that were sampled; texts are
the same. Messages are read back from what the model read, and held to rendering to it again.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from agentrl import toolcalls
from agentrl.datafile import PlayedPair
from agentrl.errors import DataError
from agentrl.rollout.chat import Chat
from agentrl.rollout.unrendered import Messages, unrendered
from agentrl.types import Trajectory, Turn, ids32

Form = Literal["messages", "trl", "trl_plain", "step_dpo"]
Row = Mapping[str, Any]
STEP_DPO = "initial_reason_steps"
"""the field that only this form has"""


def message_rows(episodes: Sequence[Trajectory], chat: Chat) -> Iterator[Row]:
    """Yield a row for each conversation of each episode: one where it grows, one a turn in windows.

    Errors: DataError where a prompt cannot be read back.
    """
    for episode in episodes:
        about = {
            "task": episode.task.id, "group": episode.group, "sample": episode.sample, "return": episode.ret,
            "score": episode.score, "success": episode.success,
        }  # fmt: skip
        for number, turns in enumerate(segments(episode)):
            context = contexts(turns)[-1]
            said = [*_messages(chat, chat.decoded(context)), ("assistant", text_of(turns[-1], chat))]
            places = [i for i, (role, _) in enumerate(said) if role == "assistant"]
            own = set(places[len(places) - len(turns) :])
            messages = [_message(role, text) for role, text in said]
            for place in set(places) - own:
                messages[place]["weight"] = 0
            yield {"messages": messages, **about, "segment": number}


def pair_rows(pairs: Sequence[PlayedPair], chat: Chat, form: Form) -> Iterator[Row]:
    """Yield a row for each pair.

    Errors: DataError where a prompt cannot be read back, or where a side is more than one conversation.
    """
    for pair in pairs:
        one, other = sides(pair)
        context = chat.decoded(one.turns[0].prompt_ids)
        if any(turn.fresh for side in (one, other) for turn in side.turns[1:]):
            raise DataError(
                f"task {pair.chosen.task.id}: whole episodes whose turns are prompts of their own are no pair"
                " of conversations; play with rollout.mode=transcript, or collect pairs of turns: how=trees"
            )
        about = {"task": pair.chosen.task.id, "margin": pair.margin, "weight": pair.weight}
        if form == "trl_plain":
            texts = {
                name: chat.decoded(_without_end(_joined(side), chat))
                for name, side in (("chosen", one), ("rejected", other))
            }
            yield {"prompt": context, **texts, **about}
        elif form == "trl":
            prompt = [_message(*said) for said in _messages(chat, context)]
            answers = {
                name: [_message(*said) for said in _after(side, chat, len(prompt))]
                for name, side in (("chosen", one), ("rejected", other))
            }
            yield {"prompt": prompt, **answers, **about}
        else:
            yield {**_steps(pair, chat, context), **about}


def _steps(pair: PlayedPair, chat: Chat, context: str) -> Row:
    """Return a pair in the fields of Step-DPO: what was said since the first prompt are the steps before."""
    first = pair.chosen.turns[0].prompt_ids
    opening = chat.decoded(first)
    if not context.startswith(opening):
        raise DataError(
            f"task {pair.chosen.task.id}: turn {pair.turn} does not go on from the first prompt; Step-DPO's"
            " form is of conversations that grow: play with rollout.mode=transcript"
        )
    said = _messages(chat, opening)
    row = {"prompt": said[-1][1], STEP_DPO: context[len(opening) :], "dataset": pair.chosen.group}
    if said[:-1]:
        row["system"] = "\n\n".join(text for _, text in said[:-1])
    for name, episode in (("chosen", pair.chosen), ("rejected", pair.rejected)):
        later = episode.turns[pair.turn :]
        # End tokens are spelt out: a step of a published set has none, and gets none.
        row[name] = chat.decoded(later[0].action_ids)
        row[f"full_{name}"] = "".join(
            chat.decoded((turn.prompt_ids if i else ids32()) + turn.action_ids)
            for i, turn in enumerate(later)
        )
    answer = pair.chosen.task.data.get("answer", "")
    return {**row, "answer": answer if isinstance(answer, str) else json.dumps(answer)}


def segments(episode: Trajectory) -> Iterator[list[Turn]]:
    """Yield the turns of each conversation: a new one begins where a prompt does not go on from the last."""
    held: list[Turn] = []
    for turn in episode.turns:
        if turn.fresh and held:
            yield held
            held = []
        held.append(turn)
    if held:
        yield held


def contexts(turns: Sequence[Turn]) -> list[Any]:
    """Return all that was read before each turn's reply, as ids."""
    found, context = [], ids32()
    for turn in turns:
        context = turn.prompt_ids[:] if turn.fresh else context + turn.prompt_ids
        found.append(context)
        context = context + turn.action_ids
    return found


def sides(pair: PlayedPair) -> tuple[Trajectory, Trajectory]:
    """Return what is compared of both episodes: from the turn where they part, that alone unless `whole`."""
    found = []
    for episode in (pair.chosen, pair.rejected):
        before = contexts(episode.turns)[pair.turn]
        first = replace(episode.turns[pair.turn], prompt_ids=before, fresh=True)
        rest = episode.turns[pair.turn + 1 :] if pair.whole else ()
        found.append(replace(episode, turns=(first, *rest)))
    return found[0], found[1]


def text_of(turn: Turn, chat: Chat) -> str:
    """Return a reply as it was written, without the end token."""
    return chat.decoded(_without_end(turn.action_ids, chat))


def _without_end(ids: Any, chat: Chat) -> Any:
    return ids[:-1] if len(ids) and ids[-1] == chat.end else ids


def _joined(side: Trajectory) -> Any:
    """Return all ids after the first prompt."""
    ids = ids32()
    for number, turn in enumerate(side.turns):
        ids = ids + (turn.prompt_ids if number else ids32()) + turn.action_ids
    return ids


def _after(side: Trajectory, chat: Chat, shared: int) -> Messages:
    """Return the messages of a side after its first prompt."""
    last = contexts(side.turns)[-1]
    said = _messages(chat, chat.decoded(last)) if len(side.turns) > 1 else []
    return [*said[shared:], ("assistant", text_of(side.turns[-1], chat))]


def _messages(chat: Chat, text: str) -> Messages:
    said = unrendered(chat, text)
    if said is None:
        raise DataError(
            "the chat template's messages cannot be told from what it wrote; use format=trl_plain"
        )
    return said


def _message(role: str, text: str) -> dict[str, Any]:
    """Return an OpenAI message: calls and results by themselves where nothing is lost by that."""
    if role == "assistant":
        said = toolcalls.said(text)
        calls = [
            {
                "id": f"call_{n}", "type": "function",
                "function": {"name": c.name, "arguments": json.dumps(dict(c.arguments), ensure_ascii=False)},
            }
            for n, c in enumerate(said.calls)
        ]  # fmt: skip
        message = {"role": role, "content": said.text, "tool_calls": calls}
        if calls and spoken_text(message) == text:
            return message
    return {"role": role, "content": text}


def spoken_text(message: Row) -> str:
    """Return an assistant message as a Hermes model writes it, calls behind the text.

    Errors: DataError where a call cannot be read.
    """
    said = toolcalls.said_in_message(message)
    content = message.get("content") or ""
    if not message.get("tool_calls"):
        return str(content)
    wrong = next((call.error for call in said.calls if call.error), "")
    if wrong:
        raise DataError(f"a tool call cannot be read: {wrong}")
    calls = [toolcalls.written(call.name, call.arguments) for call in said.calls]
    return "\n".join([*([str(content)] if content else []), *calls])

"""Data as text and back."""

import json
from pathlib import Path

import pytest

from agentrl.algo import Branches
from agentrl.datafile import Header, PlayedPair, read_episodes, read_header, read_pairs, write_pairs
from agentrl.errors import DataError
from agentrl.exchange import contexts, message_rows, pair_rows, segments, sides
from agentrl.imported import episodes_of, form_of, pairs_of_rows, read_rows
from agentrl.picked import pairs_of
from agentrl.rollout.chat import Chat
from agentrl.rollout.collect import Collector, SamplerActor, collect
from agentrl.rollout.tree import branch
from agentrl.stored import pair_table
from agentrl.types import Sampling, Trajectory
from tests.agentrl.rollout.examples import TEMPLATES, Doors
from tests.agentrl.rollout.test_collect import chat_of, starts_of
from tests.agentrl.rollout.test_lookahead import Coin

KINDS = [(family, mode) for family in TEMPLATES for mode in ("transcript", "window")]


def played(family: str = "chatml", mode: str = "transcript") -> tuple[list[Trajectory], Chat]:
    chat = chat_of(mode, family=family)
    return collect(starts_of(3), Doors, SamplerActor(Coin(chat), Sampling(max_tokens=8)), chat, seed=0), chat


def compared(family: str = "chatml", mode: str = "transcript") -> tuple[list[PlayedPair], Chat]:
    chat = chat_of(mode, family=family)
    collector = Collector(Doors, SamplerActor(Coin(chat), Sampling(max_tokens=8)), chat, 0)
    grown = branch(starts_of(6, group=1), collector, Branches(4, 3))
    found = [pair for one in grown for pair in pairs_of(one, "best_worst", 0.0)]
    assert found and (mode == "window" or any(pair.turn for pair in found))
    return found, chat


def through_json(rows: object) -> list[dict[str, object]]:
    return [json.loads(json.dumps(row)) for row in rows]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("family", "mode"), KINDS)
def test_episodes_written_as_messages_read_back_as_they_were(family: str, mode: str) -> None:
    episodes, chat = played(family, mode)
    rows = through_json(message_rows(episodes, chat))
    again = episodes_of(rows, chat)
    assert through_json(message_rows(again, chat)) == [{**row, "segment": 0} for row in rows]
    parts = [part for episode in episodes for part in segments(episode)]
    assert len(parts) == len(again)
    for part, episode in zip(parts, again, strict=True):
        assert [chat.decoded(t.action_ids) for t in part] == [
            chat.decoded(t.action_ids) for t in episode.turns
        ]
        for a, b in zip(contexts(part), contexts(episode.turns), strict=True):
            assert chat.decoded(a) == chat.decoded(b)
    assert [e.success for e in again] == [e.success for e in episodes for _ in segments(e)]


@pytest.mark.parametrize(("family", "mode"), KINDS)
@pytest.mark.parametrize("form", ["trl", "trl_plain"])
def test_preferences_of_trl_read_back_as_they_were(family: str, mode: str, form: str) -> None:
    pairs, chat = compared(family, mode)
    rows = through_json(pair_rows(pairs, chat, form))  # type: ignore[arg-type]
    again = pairs_of_rows(rows, chat)
    assert through_json(pair_rows(again, chat, form)) == rows  # type: ignore[arg-type]
    assert form_of(rows[0]) == form
    for pair, other in zip(pairs, again, strict=True):
        for a, b in zip(sides(pair), sides(other), strict=True):
            assert chat.decoded(a.turns[0].prompt_ids) == chat.decoded(b.turns[0].prompt_ids)
            assert chat.decoded(a.turns[0].action_ids) == chat.decoded(b.turns[0].action_ids)
        assert other.margin == pytest.approx(pair.margin)


def test_preferences_of_step_dpo_hold_the_steps_before_and_read_back_as_they_were() -> None:
    pairs, chat = compared()
    rows = through_json(pair_rows(pairs, chat, "step_dpo"))
    assert all(form_of(row) == "step_dpo" for row in rows)
    for pair, row, other in zip(pairs, rows, pairs_of_rows(rows, chat), strict=True):
        assert bool(row["initial_reason_steps"]) == (pair.turn > 0)
        assert str(row["full_chosen"]).startswith(str(row["chosen"]))
        for a, b in zip(sides(pair), sides(other), strict=True):
            assert chat.decoded(a.turns[0].prompt_ids) == chat.decoded(b.turns[0].prompt_ids)
            assert chat.decoded(a.turns[0].action_ids) == chat.decoded(b.turns[0].action_ids)


def test_a_published_step_has_no_end_token_behind_it() -> None:
    chat = chat_of("transcript")
    row = {
        "dataset": "gsm8k", "prompt": "How many?", "initial_reason_steps": "See.\nStep 1: one.\nStep 2:",
        "chosen": " two.", "rejected": " three.", "full_chosen": " two.\nStep 3:", "full_rejected": " three.",
        "answer": "2",
    }  # fmt: skip
    (pair,) = pairs_of_rows([row], chat)
    chosen, rejected = sides(pair)
    assert chat.decoded(chosen.turns[0].action_ids) == " two."
    assert chat.decoded(chosen.turns[0].prompt_ids).endswith("assistant\nSee.\nStep 1: one.\nStep 2:")
    assert pair.chosen.task.data["answer"] == "2" and not rejected.success


def test_window_episodes_and_steps_are_no_growing_conversation() -> None:
    pairs, chat = compared(mode="window")
    later = [pair for pair in pairs if pair.turn]
    if later:
        with pytest.raises(DataError, match="does not go on from the first prompt"):
            list(pair_rows(later, chat, "step_dpo"))
    episodes, chat = played(mode="window")
    long = [episode for episode in episodes if len(episode.turns) > 1]
    whole = PlayedPair(long[0], long[0], 0, True)
    with pytest.raises(DataError, match=r"rollout\.mode=transcript"):
        list(pair_rows([whole], chat, "trl"))


CALL = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>'


@pytest.mark.parametrize("family", ["chatml", "headers"])
def test_tool_calls_and_their_results_are_messages_of_their_own(family: str) -> None:
    chat = chat_of("transcript", "tools", family)
    row = {
        "messages": [
            {"role": "user", "content": "1 + 1?"},
            {"role": "assistant", "content": "", "tool_calls": [
                {"id": "call_0", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
            ]},
            {"role": "tool", "content": "2"},
            {"role": "assistant", "content": "It is 2."},
        ],
    }  # fmt: skip
    (episode,) = episodes_of([row], chat)
    assert [turn.text for turn in episode.turns] == [CALL, "It is 2."]
    (written,) = message_rows([episode], chat)
    again = written["messages"]
    assert again == row["messages"]


def test_thoughts_are_kept_where_calls_are_written_beside_them() -> None:
    chat = chat_of("transcript", "tools")
    said = [("user", "?"), ("assistant", f"<think>so</think>{CALL}")]
    messages = [{"role": role, "content": text} for role, text in said]
    (written,) = message_rows(episodes_of([{"messages": messages}], chat), chat)
    assert written["messages"] == messages


def test_replies_of_weight_zero_are_context_alone() -> None:
    chat = chat_of("transcript")
    said = [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]
    messages = [{"role": role, "content": text} for role, text in said]
    messages[1]["weight"] = 0  # type: ignore[assignment]
    (episode,) = episodes_of([{"messages": messages}], chat)
    assert [turn.text for turn in episode.turns] == ["d"]
    (row,) = message_rows([episode], chat)
    assert row["messages"] == messages


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"question": "?"}, "a row holds question; known are"),
        ({"messages": [{"role": "user", "content": "?"}]}, "row 1: the conversation holds no reply"),
        (
            {"messages": [{"role": "user"}, {"role": "assistant", "content": "x"}]},
            "row 1: there is no 'content'",
        ),
    ],
)
def test_what_is_wrong_with_a_row_is_said(row: dict[str, object], why: str) -> None:
    chat = chat_of("transcript")
    with pytest.raises(DataError, match=why):
        given_rows(row, chat)


def given_rows(row: dict[str, object], chat: Chat) -> object:
    return episodes_of([row], chat) if form_of(row) == "messages" else None


def test_files_of_text_are_lists_or_lines(tmp_path: Path) -> None:
    rows = [{"prompt": "a", "chosen": "b", "rejected": "c"}] * 2
    (tmp_path / "list.json").write_text(json.dumps(rows))
    (tmp_path / "lines.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert read_rows(tmp_path / "list.json") == read_rows(tmp_path / "lines.jsonl") == rows
    (tmp_path / "bad.jsonl").write_text("[1]")
    with pytest.raises(DataError, match="row 1: not an object"):
        read_rows(tmp_path / "bad.jsonl")


def test_a_file_of_pairs_says_how_it_was_made_and_gives_them_back(tmp_path: Path) -> None:
    pairs, _ = compared()
    header = Header("pairs", "doors", "ab", "model", {"seed": 1})
    path = tmp_path / "pairs.jsonl.gz"
    assert write_pairs(path, header, pairs) == len(pairs)
    assert read_header(path) == header and list(read_pairs(path)) == pairs
    assert len(read_episodes(path)) == 2 * len(pairs)


def test_a_table_of_pairs_compares_the_turns_that_differ_and_keeps_what_they_weigh() -> None:
    pairs, _ = compared()
    same = PlayedPair(pairs[0].chosen, pairs[0].chosen, 0)
    table = pair_table([same, *pairs])
    assert table is not None and table.pairs is not None and len(table.pairs) == len(pairs)
    assert table.pairs.margin.tolist() == [pair.margin for pair in pairs]
    for pair, (a, b), (c, d) in zip(
        pairs, table.pairs.chosen.tolist(), table.pairs.rejected.tolist(), strict=True
    ):
        assert table.ids[a:b].tolist() == list(pair.chosen.turns[pair.turn].action_ids)
        assert table.ids[c:d].tolist() == list(pair.rejected.turns[pair.turn].action_ids)
        row = table.rows[int(table.row[a])]
        assert row[: int(table.column[a])] == contexts(pair.chosen.turns)[pair.turn]
    assert pair_table([same]) is None

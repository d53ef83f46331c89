"""Chunks and index: what the page reads is what was stored."""

import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agentrl.types import Trajectory
from agentrl.view.pack import Packer, chunk, json_bytes, number
from agentrl.view.parts import Part
from agentrl.view.shelf import Chunks, packed
from agentrl.view.vocabulary import token_texts
from tests.agentrl.view.examples import HOSTILE, episode, hostile_run, plain_run, tree_run, turn


def opened(data: bytes, columns: int) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Return the text and the arrays of a chunk, read as the page reads them."""
    raw = gzip.decompress(data)
    length = int.from_bytes(raw[:4], "little")
    told, place = json.loads(raw[4 : 4 + length]), 4 + length
    kinds = [("<u4", "action"), ("<u4", "prompt"), *[("<f4", "action")] * (1 + columns)]
    arrays = []
    for kind, count in kinds:
        arrays.append(np.frombuffer(raw, kind, told[count], place))
        place += 4 * told[count]
    assert place == len(raw) and (4 + length) % 4 == 0
    return told, arrays


def test_a_chunk_holds_texts_and_a_number_a_token() -> None:
    one = episode("a", 0, [turn("guess 7", "o", ids=[4, 5]), turn("guess 8", "p", ids=[6])], success=True)
    two = episode("a", 1, [turn("no", "o", ids=[9])], success=False)
    ids: set[int] = set()
    push = np.array([0.5, 1.5, 2.5], np.float32)
    told, (action, prompt, behaviour, found) = opened(
        chunk([(one, {"push": push}), (two, {})], ["push"], ids), 1
    )
    assert action.tolist() == [4, 5, 6, 9] and prompt.tolist() == [5, 6, 7] * 3 and ids == {4, 5, 6, 7, 9}
    assert behaviour.tolist() == [-0.5, -1.0, -0.5, -0.5]
    assert found[:3].tolist() == push.tolist() and math.isnan(found[3]), "two was not learnt from"
    assert [t["action"] for t in told["episodes"][0]["turns"]] == ["guess 7", "guess 8"]
    assert [t["tokens"] for t in told["episodes"][0]["turns"]] == [2, 1]


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=8)
)
def test_any_value_becomes_json_that_a_browser_reads(value: Any) -> None:
    text = json_bytes(value)
    assert text.isascii()
    json.loads(text, parse_constant=lambda name: (_ for _ in ()).throw(ValueError(name)))


def test_numbers_that_are_not_finite_are_left_out() -> None:
    assert [number(x) for x in (math.nan, math.inf, -0.0, 1 / 3)] == [None, None, 0.0, 0.333333]


def test_the_index_counts_and_names(tmp_path: Path) -> None:
    shelf = packed(plain_run(tmp_path / "run"), None, 0)
    index = shelf.index
    assert shelf.episodes == 24 and len(shelf.chunks) == index["chunks"] == 1
    rows = index["episodes"]
    assert rows["success"] == [1, 0] * 12 and rows["ret"][:2] == [2.0, 0.0]
    assert rows["low"][:2] == [1, -1] and rows["gap"][0] == 0.125
    assert index["rewards"]["task"][:2] == [1.0, 0.0] and index["weights"] == {"task": 2.0}
    assert len(index["tasks"]) == len(index["groups"]) == 6, "groups of an iteration are groups of their own"
    assert index["columns"][:2] == ["credit", "push"]


def test_long_runs_come_in_several_chunks_in_order() -> None:
    chunks = Chunks()
    packer = Packer([], chunks.add)
    episodes: list[Trajectory] = [
        episode("a", n, [turn("x", f"n {n}", ids=[n])], success=True) for n in range(150)
    ]
    packer.add(Part(1, episodes, [{}] * 150))
    packer.flush()
    told = [one for n in range(len(chunks)) for one in opened(chunks[n], 0)[0]["episodes"]]
    assert len(chunks) == 3 and [one["turns"][0]["observation"] for one in told] == [
        f"n {n}" for n in range(150)
    ]


def test_nodes_of_trees_point_at_episodes_of_the_page(tmp_path: Path) -> None:
    index = packed(tree_run(tmp_path / "run"), None, 0).index
    [tree] = index["trees"]
    assert [node[1:3] for node in tree["nodes"]] == [[0, 0], [0, 1], [1, 1], [-1, 0]]
    assert [node[-2:] for node in tree["nodes"]] == [
        [None, True],
        [-0.25, False],
        [0.75, True],
        [-0.5, False],
    ]
    assert tree["pairs"] == [[2, 1, 1.0, 1.0], [2, 3, 1.0, 1.0]]


def test_notes_say_what_is_missing(tmp_path: Path) -> None:
    run = plain_run(tmp_path / "run")
    (run / "credit" / "000010.jsonl.gz").unlink()
    (run / "model" / "tokenizer.json").unlink()
    notes = " ".join(packed(run, None, 0).index["notes"])
    assert "has not finished" in notes and "No credit is kept for iteration 10:" in notes
    assert "no tokenizer" in notes
    assert "1 of 2 stored iterations are shown: 20." in " ".join(packed(run, None, 12).index["notes"])


def test_hostile_texts_are_packed_as_they_are(tmp_path: Path) -> None:
    shelf = packed(hostile_run(tmp_path / "run"), None, 0)
    told, _ = opened(shelf.chunks[0], len(shelf.index["columns"]))
    first = told["episodes"][0]["turns"][0]
    assert first["text"] == HOSTILE and first["rewards"] == {HOSTILE: "nan"}
    assert shelf.index["tasks"] == [HOSTILE]


def test_tokens_read_as_in_the_middle_of_a_text(tmp_path: Path) -> None:
    run = plain_run(tmp_path / "run")
    texts = token_texts(run, range(300))
    assert texts is not None
    assert {" guess", " 7", "<end>", "a"} <= set(texts.values()), "the leading space is there"
    assert token_texts(tmp_path, [1]) is None

"""What a benchmark came to: the front, the pages, and the figures that papers print."""

import re
from dataclasses import replace

import pytest

from agentrl.bench.answers import Line
from agentrl.bench.outcome import Bench, Row, Section, front, row
from agentrl.bench.page import markdown, page, text
from agentrl.bench.published import published
from agentrl.records import PanelRecord, from_json, to_json
from agentrl.toolstats import Answered

HOSTILE = "</title><script>alert(1)</script>|<img src=x onerror=alert(2)>"


def answers(right: int, calls: int, *, of: int = 10, tokens: float | None = 5.0) -> list[Line]:
    return [
        Line(n, f"t{n}", "success", 0.1, n == 9, True, Answered(n < right, calls, calls, n % 3, 0.5, tokens))
        for n in range(of)
    ]


def model(name: str, right: int, calls: int) -> Row:
    return row(name, "model", answers(right, calls), {"rollout.style": "think"}, "ab12")


def bench(*rows: Row, missing: dict[str, str] | None = None) -> Bench:
    part = Section(
        "tools", {"form": "line"}, ("env.form=line (default text)",), PanelRecord("tools/test", "abc", 10),
        rows, missing or {},
    )  # fmt: skip
    return Bench("tool-use", "test", "1.0", 0, (part,), published("otc"), {"python": "3"})


def test_a_row_by_hand() -> None:
    """4 of 10 are right with 2 calls each; 0, 1, 2 calls suffice in turn."""
    found = model("m", 4, 2)
    assert (found.use.em.mean, found.use.tc.mean, found.use.tp.mean) == (0.4, 2.0, 0.2)  # type: ignore[union-attr]
    assert (found.errors, found.seconds, found.counted) == (1, pytest.approx(0.1), True)
    assert {k: use.questions for k, use in found.by_calls.items()} == {"0": 4, "1": 3, "2": 3}
    assert found.by_calls["2"].under is not None and found.by_calls["2"].under.mean == 0.0
    assert found.use.latency.mean == 0.5 and found.use.tokens is not None and found.use.tokens.mean == 5.0


def test_the_front_holds_the_models_that_no_other_one_beats() -> None:
    best, cheap, beaten, equal = model("a", 9, 3), model("b", 5, 1), model("c", 5, 2), model("d", 5, 1)
    player = row("expert", "reference", answers(10, 0, tokens=None))
    assert [one.name for one in front([best, cheap, beaten, equal, player])] == ["b", "d", "a"]
    assert front([player]) == []


def test_the_record_is_json_and_comes_back() -> None:
    found = bench(model("m", 4, 2), row("never", "reference", answers(3, 0, tokens=None)))
    assert from_json(to_json(found), Bench, "bench.json") == found
    assert '"tp": "inf"' in to_json(found)


def test_the_page_needs_nothing_beside_itself_and_says_what_must_be_known() -> None:
    made = page(bench(model("m", 4, 2), missing={"always": "the environment has none"}))
    assert not re.findall(r"(?:src|href)=|url\(|@import|<script", made)
    for words in (
        "Not comparable with figures of the environment&#x27;s default options",
        "env.form=line (default text)", "No row for the always player", "1 of 10 episodes ended in an error",
        "tools/test, 10 tasks, abc", "Questions that need 2 calls", "prefers-color-scheme: dark",
        "other questions, tools and models", "OTC-PO, arXiv:2504.14870 version 2",
    ):  # fmt: skip
        assert words in made, words


def test_hostile_names_stay_text() -> None:
    found = bench(model(HOSTILE, 4, 2), missing={"random": HOSTILE})
    found = replace(found, sections=(replace(found.sections[0], env=HOSTILE, options={"x": HOSTILE}),))
    made = page(found)
    assert "<script" not in made and "<img" not in made and "&lt;script&gt;" in made
    table = [words for words in markdown(found).splitlines() if words.startswith("|")]
    assert "<script" not in "".join(table)
    assert len({words.replace("\\|", "").count("|") for words in table if "script" in words}) == 1
    assert HOSTILE in text(found)


def test_nothing_about_tools_is_said() -> None:
    lines = [replace(one, counted=False) for one in answers(3, 0)]
    assert "No episode of tools told of a tool call" in text(bench(row("m", "model", lines)))


def test_a_page_without_rows_or_with_one_is_drawn() -> None:
    assert "No row yet." in page(bench())
    assert page(bench(model("m", 0, 0))).count("<circle") == 2
    many = [model(f"m{n}", n % 10, n) for n in range(14)]
    assert "nan" not in page(bench(*many))


def test_what_papers_print_is_told_with_its_source_and_agrees_with_itself() -> None:
    """TP is EM over TC in every row that prints all three, to the digits printed."""
    tables = published("otc")
    assert published("none") == () and len(tables) == 20
    nq = next(one for one in tables if one.questions == "NQ, 3B")
    assert (nq.rows[-1].method, nq.rows[-1].em, nq.rows[-1].tc, nq.rows[-1].tp) == (
        "OTC-GRPO",
        0.444,
        1.008,
        0.44,
    )
    for table in tables:
        for one in table.rows:
            if one.tc and one.tp:
                assert one.em / one.tc == pytest.approx(one.tp, rel=0.03), (table.questions, one)
    bamboogle = [one for one in tables if one.questions.startswith("Bamboogle")]
    assert [one.rows[1].em for one in bamboogle] == [0.203, 0.203] and all(one.note for one in bamboogle)

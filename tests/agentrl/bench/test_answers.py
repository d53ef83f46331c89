"""Answers on disk: whole pieces stay, torn ones go, other settings are refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from agentrl.bench.answers import PIECE, Answers, Header, Line
from agentrl.errors import ConfigError
from agentrl.toolstats import Answered

HEADER = Header(
    env="tools", options={"form": "text"}, panel="abc", tasks=PIECE + 10, who="some/<model>", decoding="1.0",
    seed=0, asked={"rollout.style": "think"}, weights="",
)  # fmt: skip


def line(number: int) -> Line:
    return Line(
        number=number, task=f"t{number}", outcome="success", seconds=0.5, error=False, counted=True,
        answered=Answered(True, 2, 3.0, 1, 0.5, 40.0),
    )  # fmt: skip


FIRST, REST = [line(n) for n in range(PIECE)], [line(n) for n in range(PIECE, HEADER.tasks)]


def test_what_was_added_is_read_back(tmp_path: Path) -> None:
    answers = Answers(tmp_path, HEADER)
    assert not answers.lines and not list(tmp_path.iterdir())
    answers.add(FIRST)
    assert not answers.complete
    again = Answers(tmp_path, HEADER)
    assert again.lines == FIRST
    again.add(REST)
    done = Answers(tmp_path, HEADER)
    assert done.complete and done.lines == FIRST + REST
    assert done.path.parent == tmp_path / "rows" and set(done.path.name) <= set(
        "abcdefghijklmnopqrstuvwxyz0123456789-."
    )


@pytest.mark.parametrize("left", [1, 7, 300])
def test_a_torn_piece_is_dropped(tmp_path: Path, left: int) -> None:
    answers = Answers(tmp_path, HEADER)
    answers.add(FIRST)
    whole = answers.path.read_bytes()
    answers.add(REST)
    answers.path.write_bytes(answers.path.read_bytes()[: len(whole) + left])
    again = Answers(tmp_path, HEADER)
    assert again.lines == FIRST
    again.add(REST)
    assert Answers(tmp_path, HEADER).lines == FIRST + REST


def test_other_settings_are_refused_in_words(tmp_path: Path) -> None:
    Answers(tmp_path, HEADER).add(FIRST)
    other = replace(HEADER, decoding="greedy", options={"form": "line"}, asked={"rollout.style": "tools"})
    with pytest.raises(ConfigError) as caught:
        Answers(tmp_path, other)
    said = str(caught.value)
    for words in ("decoding=1.0 (now greedy)", "env.form=text (now line)", "rollout.style=think (now tools)"):
        assert words in said
    assert "choose another out=" in said
    with pytest.raises(ConfigError, match=r"weights= \(now 12ab\)"):
        Answers(tmp_path, replace(HEADER, weights="12ab"))


def test_who_differs_has_a_file_of_its_own(tmp_path: Path) -> None:
    names = ("a/b", "a-b", "a b", "../../a", "x" * 500, "…")
    paths = {Answers(tmp_path, replace(HEADER, who=name)).path for name in names}
    assert len(paths) == len(names) and {path.parent for path in paths} == {tmp_path / "rows"}
    player = replace(HEADER, who="expert", asked={})
    one, two = (Answers(tmp_path, replace(player, options={"form": form})).path for form in ("text", "line"))
    assert one != two, "players of two places of one command"


def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = Answers(tmp_path, HEADER).path
    path.parent.mkdir()
    for text in ("my notes\n", "{}\n", ""):
        path.write_text(text)
        with pytest.raises(ConfigError, match="holds no answers of a benchmark"):
            Answers(tmp_path, HEADER)

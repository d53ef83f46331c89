"""The golden files pass, and a changed number or a broken function does not."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.golden import online
from tests.golden.__main__ import HERE, main
from tests.golden.case import Case, NotHereError
from tests.golden.cases import failures, public, read
from tests.golden.compare import IGNORED, differences
from tests.golden.public import wrong

FILES = sorted(HERE.glob("*.json"))


def cases_of(file: Path) -> list[Case]:
    try:
        return read(file)
    except NotHereError as why:
        pytest.skip(str(why))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_reference_numbers_come_out(file: Path) -> None:
    assert [str(failure) for failure in failures(file.stem, cases_of(file), public())] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_broken_function_is_noticed(file: Path) -> None:
    cases, through = cases_of(file), public()
    assert list(failures(file.stem, cases, through)) == []
    assert through.used
    for name in through.used:
        assert any(True for _ in failures(file.stem, cases, public(name))), f"{name} x 1.01 went unnoticed"


def test_gigpo_through_the_algorithm_and_through_its_terms_is_one() -> None:
    content = json.loads((HERE / "online_gigpo.json").read_text())
    for case in content["cases"]:
        case["inputs"]["eps"] *= 1 + 1e-9
        got = online.gigpo(public(), case["inputs"])
        assert not list(differences(case["expected"], got, case["tolerance"])), case["name"]


def places(x: Any) -> Iterator[list[Any]]:
    """Paths to every leaf of nested objects and lists."""
    if isinstance(x, dict | list):
        for key in x if isinstance(x, dict) else range(len(x)):
            yield from ([key, *path] for path in places(x[key]))
    else:
        yield []


def at(x: Any, path: list[Any]) -> Any:
    for key in path:
        x = x[key]
        if x is IGNORED:
            break
    return x


def changed(x: Any) -> Any:
    if isinstance(x, bool | str) or x is None:
        return wrong(x)
    return x + max(1.0, abs(x)) * 1e-3


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_changed_number_is_noticed(file: Path) -> None:
    case = cases_of(file)[0]
    got = case.run(public())
    for path in list(places(case.expected))[:200]:
        if at(got, path) is IGNORED:
            continue
        expected = copy.deepcopy(case.expected)
        at(expected, path[:-1])[path[-1]] = changed(at(expected, path))
        assert list(differences(expected, got, case.tolerance)), f"{path} could be changed"


def test_a_changed_file_fails_with_its_name_and_both_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads((HERE / "online_gigpo_returns.json").read_text())
    content["cases"][0]["expected"]["returns"][0] = 123.0
    (tmp_path / "online_gigpo_returns.json").write_text(json.dumps(content))
    assert main([str(tmp_path)]) == 1
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("FAIL online_gigpo_returns s0 returns[0]: expected 123.0, got ")
    assert last == "3 passed, 1 failed"


def test_a_file_that_passes_ends_with_status_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(HERE / "online_gigpo_grouping.json"), "--mutate"]) == 0
    assert capsys.readouterr().out.splitlines() == ["0 mutations not noticed", "6 passed, 0 failed"]


def test_an_unknown_name_gives_one_line_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "online_gigpoo.json").write_text("{}")
    assert main([str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "no adapter runs golden files of this name; did you mean 'online_gigpo'?" in lines[0]
    assert lines[1:] == ["0 passed, 1 failed"]


@pytest.mark.parametrize(("text", "why"), [("{", "not JSON"), ("{}", "KeyError('cases')")])
def test_a_broken_file_gives_one_line_and_fails(
    text: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "online_kl.json").write_text(text)
    assert main([str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert why in lines[0] and lines[1:] == ["0 passed, 1 failed"]


def test_an_empty_folder_is_not_a_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "no .json file in" in capsys.readouterr().err


def test_a_missing_path_gives_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nowhere.json"]) == 2
    assert capsys.readouterr().err == "golden: no file or folder nowhere.json\n"


@pytest.mark.parametrize(
    ("expected", "got", "same"),
    [
        (1.0, 1.0 + 1e-7, True),
        (1.0, 1.0 + 1e-5, False),
        (0.0, -0.0, True),
        (True, 1, False),
        (1, True, False),
        (None, None, True),
        (None, 0.0, False),
        ("inf", float("inf"), True),
        ("a", "A", False),
        ([1.0], [1.0, 2.0], False),
        ({"a": 1.0}, {"a": 1.0, "b": 2.0}, True),
        ({"a": 1.0}, {}, False),
        ({"n_pairs": 1000000}, {"n_pairs": 1000000.5}, False),
        (1.0, float("nan"), False),
    ],
)
def test_values_compare_by_the_rules_of_the_files(expected: Any, got: Any, same: bool) -> None:
    assert (not list(differences(expected, got, 1e-6))) is same

"""`agentrl view` from the command line and from Python: what is written, and what is refused in words."""

import shutil
from pathlib import Path

import pytest

import agentrl
from agentrl.cli import main
from tests.agentrl.view.examples import plain_run


def test_the_page_is_written_into_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = plain_run(tmp_path / "run")
    assert main(["view", str(run)]) == 0
    said = capsys.readouterr().out
    assert "gigpo on guess, not finished: 24 of 24 stored episodes" in said
    assert f"written: {run / 'view.html'}" in said and (run / "view.html").is_file()


def test_one_iteration_and_fewer_episodes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = plain_run(tmp_path / "run")
    for words in (["iteration=10"], ["episodes=12"]):
        assert main(["view", str(run), *words, f"out={tmp_path / 'new' / 'page.html'}"]) == 0
        assert "12 of 24 stored episodes" in capsys.readouterr().out
    assert (tmp_path / "new" / "page.html").is_file()


def test_the_same_from_python(tmp_path: Path) -> None:
    one, two = (plain_run(tmp_path / name) for name in ("one", "two"))
    assert agentrl.view(one) == one / "view.html"
    assert agentrl.view(one, two) == one / "view-two.html"
    assert agentrl.view(one, out=tmp_path / "page.html", iteration=20) == tmp_path / "page.html"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "view takes one run, or two to compare"),
        (["RUN", "RUN", "RUN"], "view takes one run, or two to compare"),
        (["RUNN"], "there is no folder RUNN; did you mean 'RUN'?"),
        (["."], ". is not a run: it has no config.toml"),
        (["EMPTY"], "EMPTY holds no stored episodes: run again with trajectories=1"),
        (["RUN", "iteration=15"], "iteration=15: RUN keeps the episodes of 10, 20"),
        (["RUN", "iteration=ten"], "iteration=ten: expected a whole number"),
        (["RUN", "episode=3"], "view has no 'episode'; did you mean 'episodes'?"),
        (["RUN", "episodes=-1"], "episodes=-1: must be 0 (all) or more"),
        (["RUN", "out=RUN"], "out=RUN is a folder; name a file"),
        (["RUN", "serve=yes"], "serve=yes: expected true or false"),
        (["RUN", "serve=true", "out=x.html"], "serve=true writes no file"),
        (["RUN", "serve=true", "port=99999"], "port=99999"),
        (["TORN"], "000020.jsonl.gz"),
        (["--serve", "RUN"], "no option '--serve'; settings are written without dashes: serve=..."),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_line(
    words: list[str],
    why: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    plain_run(Path("RUN"))
    shutil.copytree("RUN", "TORN")
    torn = Path("TORN/trajectories/000020.jsonl.gz")
    torn.write_bytes(torn.read_bytes()[:300])
    shutil.copytree("RUN", "EMPTY")
    shutil.rmtree("EMPTY/trajectories")
    assert main(["view", *words]) == 2
    said = capsys.readouterr().err
    assert why in said and len(said.splitlines()) == 1

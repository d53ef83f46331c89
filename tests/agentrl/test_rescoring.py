"""Stored episodes judged again: the table of agreement, what is kept, and what is refused."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentrl
from agentrl.agreement import Rescore, Scored, agreement, kind_of, rescored
from agentrl.cli import main
from agentrl.errors import ConfigError
from agentrl.records import from_json
from agentrl.rescore_page import markdown, page
from agentrl.rescoring import rescore_run
from agentrl.trajectories import write_trajectories
from agentrl.types import Outcome, Task, Trajectory, Turn, floats32, ids32
from agentrl.verify import Submission, Verdict
from agentrl_verifiers.exact import exact
from agentrl_verifiers.format import Format
from tests.agentrl.installed import install_ourselves
from tests.agentrl.report_run import HOSTILE

DATA = {"answer": "yes"}


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_ourselves(tmp_path / "site", monkeypatch)


def episode(action: str, *, success: bool, outcome: Outcome | None = None, **more: Any) -> Trajectory:
    """Return an episode of one turn that was paid 1 or 0."""
    paid = float(success)
    turn = Turn("?", ids32([1]), ids32([2]), floats32([-1.0]), f"<think>hm</think><answer>{action}</answer>",
                action, {"task": paid}, "k")  # fmt: skip
    values = {"ret": paid, "score": paid, "success": success, **more}
    data = values.pop("data", DATA)
    end: Outcome = outcome or ("success" if success else "failure")
    return Trajectory(Task("t", "train", 0, data), "g", 0, (turn,), end, **values)


def write(folder: Path, *iterations: Sequence[Trajectory]) -> Path:
    """Return a run folder with the episodes of these iterations."""
    folder.mkdir()
    (folder / "config.toml").write_text('[env]\nname = "guess"\n')
    for number, episodes in enumerate(iterations, 1):
        write_trajectories(folder / "trajectories" / f"{number:06d}.jsonl.gz", episodes)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    first = [episode("yes", success=True), episode("no", success=True)]
    lost = episode("yes", success=False, outcome="deadline", reason="late")
    return write(
        tmp_path / "run", first, [episode("yes", success=False), episode(HOSTILE, success=False), lost]
    )


def test_by_hand(run: Path) -> None:
    found = agentrl.rescore(run, "exact")
    table = found.agreement
    assert (table.both, table.only_reward, table.only_verifier, table.neither) == (1, 1, 1, 1)
    assert (dict(table.unknown), table.rate, found.episodes) == ({"deadline": 1}, 0.5, 5)
    one, two = found.curve
    assert (one.iteration, one.success, one.new, one.ret) == (1, 1.0, 0.5, 1.0)
    assert (two.iteration, two.success, two.passes, two.unknown) == (2, 0.0, 0.5, 1)
    assert [example.answer for example in found.examples["only the reward"]] == ["no"]
    assert found.examples["unknown"][0].reason == "deadline: late"


def test_the_run_folder_keeps_it_as_json_markdown_and_a_page_that_hostile_text_cannot_break(
    run: Path,
) -> None:
    found = agentrl.rescore(run, "exact")
    place = run / "rescore" / "exact"
    assert from_json((place / "rescore.json").read_bytes(), Rescore, "rescore.json") == found
    html, text = (place / "rescore.html").read_text(), (place / "rescore.md").read_text()
    assert "<script>" not in html + text and "only the reward" in html and "| only the reward | 1 (" in text


def test_the_whole_reply_can_be_judged_and_its_content(run: Path) -> None:
    found = agentrl.rescore(run, Format() & exact, answer="reply")
    assert (found.verifier, found.judged) == ("All(format, exact)", "reply")
    assert (found.agreement.both, found.agreement.neither) == (1, 1)


def test_what_was_judged_is_not_judged_again_unless_something_changed(run: Path, tmp_path: Path) -> None:
    judge, calls = tmp_path / "mine.py", tmp_path / "calls"
    source = "def score(answer, task):\n    open({!r}, 'a').write('x')\n    return float(answer == 'yes')\n"
    judge.write_text(source.format(str(calls)))
    files = sorted((run / "trajectories").iterdir())
    first, _ = rescore_run(run, f"{judge}:score")
    assert calls.read_text() == "x" * 4
    (run / "rescore" / "mine-score" / "scores" / "000002.jsonl").write_text("torn")  # as no kill leaves it
    assert rescore_run(run, f"{judge}:score")[0] == first and calls.read_text() == "x" * 6
    write_trajectories(files[0], [episode("yes", success=True)])
    assert rescore_run(run, f"{judge}:score")[0].episodes == 4 and calls.read_text() == "x" * 7
    judge.write_text(judge.read_text() + "# another\n")
    rescore_run(run, f"{judge}:score")
    assert calls.read_text() == "x" * 10


def test_a_verifier_that_hangs_costs_its_deadline_and_the_answer_is_unknown(
    run: Path, tmp_path: Path
) -> None:
    (tmp_path / "slow.py").write_text(
        "def score(answer, task):\n    while answer == 'no':\n        pass\n    return float(answer != '')\n"
    )
    found, _ = rescore_run(run, str(tmp_path / "slow.py"), deadline=0.5)
    assert dict(found.agreement.unknown) == {"deadline": 1, "timeout": 1}


def test_final_states_are_judged(tmp_path: Path) -> None:
    class Clean:
        name, low, high, pairs = "clean", 0.0, 1.0, ()

        def verify(self, submission: Submission, task: Task) -> Verdict:
            return Verdict(float(submission.final_state["clean"]))

    ends = [episode("go", success=True, final_state={"clean": clean}) for clean in (True, False)]
    found = agentrl.rescore(write(tmp_path / "run", ends), Clean())
    assert (found.agreement.both, found.agreement.only_reward) == (1, 1)
    old = write(tmp_path / "old", [episode("go", success=True)])
    with pytest.raises(
        ConfigError, match=r"gave no verdict on any of the 1 episodes.*run again with trajectories=1"
    ):
        agentrl.rescore(old, Clean())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["exact"], "one run and a verifier"),
        (["RUN"], "one run and a verifier"),
        (["RUN", "verifier=exat"], "did you mean 'exact'?"),
        (["RUN", "verifier=exact", "anser=reply"], "did you mean 'answer'?"),
        (["RUN", "verifier=exact", "answer=text"], "expected action or reply"),
        (["RUN", "verifier=exact", "deadline=0"], "must be above 0"),
        (["RUN", "verifier=code"], "judges by test of a task's data, and the stored tasks hold answer"),
        (["RUN/..", "verifier=exact"], "is not a run: it has no config.toml"),
        (["EMPTY", "verifier=exact"], "holds no stored episodes: run again with trajectories=1"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_one_line(
    run: Path, tmp_path: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = write(tmp_path / "empty")
    spelt = [word.replace("RUN", str(run)).replace("EMPTY", str(empty)) for word in words]
    assert main(["rescore", *spelt]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("agentrl: ")]
    assert len(said) == 1 and message in said[0]
    assert not (run / "rescore").exists()


def test_the_command_prints_the_table_and_where_the_pages_are(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rescore", str(run), "verifier=exact", f"out={tmp_path / 'there'}"]) == 0
    said = capsys.readouterr().out
    assert "agree on 50.0 % of 4 episodes" in said and "unknown: deadline" in said
    assert json.loads((tmp_path / "there" / "rescore.json").read_text())["episodes"] == 5


scored = st.builds(
    Scored, st.integers(0, 3), st.just("t"), st.just(0), st.booleans(), st.floats(0, 1), st.floats(-1, 1),
    st.none() | st.sampled_from([0.0, 0.5, 1.0]), st.booleans(), st.sampled_from(["timeout", "error"]),
    st.text(max_size=5), st.text(max_size=5),
)  # fmt: skip


@given(st.lists(scored, max_size=12))
def test_every_episode_is_counted_once(found: list[Scored]) -> None:
    table = agreement(found)
    counted = (table.both, table.only_reward, table.only_verifier, table.neither)
    assert sum(counted) + sum(table.unknown.values()) == len(found)
    assert table.only_reward == sum(kind_of(one) == "only the reward" for one in found)
    whole = rescored("run", "judge", "action", found)
    assert sum(point.episodes for point in whole.curve) == len(found)
    assert markdown(whole) and page(whole).startswith("<!DOCTYPE html>")

"""What a comparison says of runs: figures, sentences, the page, and what it refuses."""

import dataclasses
import math
from pathlib import Path

import pytest

from agentrl.compare_page import cautions, page, sentences, text_table
from agentrl.comparison import Comparison, Figure, Line, compared
from agentrl.errors import ConfigError, DataError
from agentrl.findings import Findings
from agentrl.jobs import planned
from agentrl.journal import MetricsLine
from agentrl.records import CurvePoint, Evaluation, Summary, final_scores, from_json, scores, to_json
from agentrl.statistics import crossed, over_seeds
from tests.agentrl import report_run
from tests.agentrl.installed import install_ourselves
from tests.agentrl.test_report import Page


def run(algo: str, seed: int, rate: float, *, height: float = 0.5, points: int = 3) -> Findings:
    """Return a finished run that solves a share of 100 tasks, having begun at a fifth."""
    before = report_run.measurement("greedy", 0.2, seed)
    after = (
        report_run.measurement("1.0", rate / 2, 9 + seed),
        report_run.measurement("greedy", rate, 9 + seed),
    )
    curve = tuple(CurvePoint(5 * i, 640 * i, 9.0 * i, {"greedy": height}) for i in range(points))
    looks = Evaluation((before,), after, {}, curve, dataclasses.replace(report_run.TEST, name="webshop/dev"))
    summary = Summary(
        "webshop", algo, seed, report_run.TEST, scores((before,)), final_scores(after), 1000 + seed,
        {"total": 60.0}, {},
    )  # fmt: skip
    lines = [MetricsLine("rl", i, {"tokens": 100.0}) for i in range(3)]
    config = {"algo": {"name": algo}, "run": {"seed": seed}, "learner": {"lr": 1e-3}}
    return Findings(Path(f"{algo}-{seed}"), "", config, lines, looks, (), summary)


def shop(*lines: Line) -> Comparison:
    return compared("webshop", lines, {})


@pytest.fixture(scope="module")
def two() -> Comparison:
    return shop(
        Line("gigpo", "gigpo", [run("gigpo", seed, 0.7, height=0.5 + seed / 10) for seed in (2, 0, 1)]),
        Line("grpo", "grpo", [run("grpo", seed, 0.3) for seed in (0, 1, 2)]),
    )


def test_each_run_counts_with_its_best_decoding_over_seeds_and_tasks(two: Comparison) -> None:
    first = two.entries[0]
    rows = [report_run.measurement("greedy", 0.7, 9 + seed).success for seed in (0, 1, 2)]
    expected = crossed(rows)
    assert first.seeds == (0, 1, 2)
    assert first.final == Figure(expected.mean, expected.low, expected.high)


def test_gain_and_distance_are_paired_by_seed_and_task(two: Comparison) -> None:
    first, second = two.entries
    assert first.gain is not None and first.final is not None and first.warm_start is not None
    assert first.gain.mean == pytest.approx(first.final.mean - first.warm_start.mean)
    assert first.ahead is None
    assert second.ahead is not None and second.final is not None
    assert second.ahead.mean == pytest.approx(second.final.mean - first.final.mean)
    assert second.ahead.high is not None and second.ahead.high < 0


def test_costs_are_means_of_a_run_and_areas_are_over_seeds(two: Comparison) -> None:
    first = two.entries[0]
    assert (first.environment_steps, first.tokens, first.seconds) == (1001, 300, 60)
    assert first.areas["greedy"].mean == pytest.approx(0.6)
    assert first.areas["greedy"].low is not None and first.areas["greedy"].low < 0.5


def test_one_run_says_nothing_about_the_next() -> None:
    found = shop(Line("gigpo", "gigpo", [run("gigpo", 0, 0.5)]))
    assert found.entries[0].areas["greedy"] == Figure(0.5)
    assert sentences(found)[-1].startswith("One seed: the interval is over tasks alone")


def test_a_curve_looked_at_once_has_no_area() -> None:
    assert shop(Line("gigpo", "gigpo", [run("gigpo", 0, 0.5, points=1)])).entries[0].areas == {}


def test_only_seeds_that_both_have_are_set_against_each_other() -> None:
    apart = shop(
        Line("a", "gigpo", [run("gigpo", 0, 0.7)]),
        Line("b", "grpo", [run("grpo", 1, 0.3), run("grpo", 0, 0.7)]),
    )
    assert apart.entries[1].ahead == Figure(0.0, 0.0, 0.0)


def test_other_tasks_are_not_compared() -> None:
    other = run("grpo", 0, 0.5)
    panel = dataclasses.replace(report_run.TEST, hash="else")
    looks = tuple(dataclasses.replace(look, panel=panel) for look in other.evaluation.final)
    other = dataclasses.replace(other, evaluation=dataclasses.replace(other.evaluation, final=looks))
    with pytest.raises(DataError, match=r"different tasks: .*0f1e2d3c4b5a.*else"):
        shop(Line("a", "gigpo", [run("gigpo", 0, 0.5)]), Line("b", "grpo", [other]))


def test_a_seed_counts_once() -> None:
    with pytest.raises(DataError, match="seed 1 of gigpo counts twice: gigpo-1, gigpo-1"):
        shop(Line("gigpo", "gigpo", [run("gigpo", 1, 0.5), run("gigpo", 1, 0.5)]))


def test_what_is_said_fits_the_figures(two: Comparison) -> None:
    assert sentences(two)[0].startswith("Highest on webshop/test: gigpo with ")
    assert sentences(two)[1] == "The interval of the difference to gigpo leaves out 0 for grpo."
    same = shop(*(Line(name, name, [run(name, s, 0.5) for s in (0, 1)]) for name in ("gigpo", "grpo")))
    assert "these runs do not show that one is better" in sentences(same)[1]
    assert sentences(shop(Line("gigpo", "gigpo"))) == ["No run has finished yet."]


def test_settings_that_differ_are_said_but_not_seeds_or_the_algorithms_own() -> None:
    other = run("grpo", 1, 0.5)
    config = {**other.config, "learner": {"lr": 2e-3}}
    found = shop(
        Line("a", "gigpo", [run("gigpo", 0, 0.5)]),
        Line("b", "grpo", [dataclasses.replace(other, config=config)]),
    )
    assert found.differing == ("learner.lr: 0.001, 0.002",)
    assert "Settings differ between these runs: learner.lr: 0.001, 0.002." in cautions(found)


def test_the_page_stands_alone_and_text_stays_text(two: Comparison) -> None:
    hostile = dataclasses.replace(two, unfinished={report_run.HOSTILE: "not finished"})
    read = Page(page(hostile))
    assert "script" not in read.seen and "img" not in read.seen
    assert not [value for _, name, value in read.attributes if name in ("src", "href")]
    assert "Highest on webshop/test" in read.words("header")
    assert [value for tag, name, value in read.attributes if tag == "path" and "band" in value]


def test_more_algorithms_than_colours_stay_apart() -> None:
    found = shop(*(Line(f"a{i}", "gigpo", [run("gigpo", s, 0.5) for s in (0, 1)]) for i in range(8)))
    assert "line c1 again" in page(found)


def test_what_has_no_run_yet_has_a_page_and_a_row() -> None:
    found = compared("webshop", [Line("gigpo", "gigpo")], {"x/gigpo-0": "not finished"})
    assert "x/gigpo-0: not finished" in page(found)
    assert "No run has finished yet." in text_table(found)


def test_the_record_is_read_back_as_it_was_written(two: Comparison) -> None:
    assert from_json(to_json(two), Comparison, "compare.json") == two


# Intervals over both.


def test_equal_rows_leave_the_interval_over_tasks_and_equal_columns_that_over_runs() -> None:
    tasks = [1.0, 0.0, 1.0, 1.0]
    alone, thrice = crossed([tasks]), crossed([tasks] * 3)
    assert (thrice.mean, thrice.low) == (alone.mean, pytest.approx(alone.low))
    runs = crossed([[0.2] * 50, [0.4] * 50, [0.6] * 50])
    assert runs.high - runs.mean == pytest.approx(4.302653 * 0.2 / math.sqrt(3), rel=1e-6)


def test_runs_that_differ_count_as_runs_whatever_the_tasks_take_off() -> None:
    mixed = crossed([[(0.1 * r + 0.01 * ((7 * r + 3 * c) % 11)) for c in range(40)] for r in range(3)])
    means = [0.1 * r + sum(0.01 * ((7 * r + 3 * c) % 11) for c in range(40)) / 40 for r in range(3)]
    assert mixed.high - mixed.low <= 1.1 * (over_seeds(means).high - over_seeds(means).low), (
        "as many as there are runs"
    )


def test_one_value_everywhere_has_no_width() -> None:
    assert crossed([[1.0, 1.0], [1.0, 1.0]]).low == 1.0
    with pytest.raises(DataError, match="different numbers of tasks"):
        crossed([[1.0], [1.0, 0.0]])


# Which runs.


@pytest.fixture
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_ourselves(tmp_path, monkeypatch)


@pytest.mark.usefixtures("_installed")
def test_words_become_a_run_for_each_algorithm_and_seed() -> None:
    words = ["env=guess", "algos=gigpo,flat=gigpo,ppo", "seeds=2", "seed=5", "learner.lr=1e-3"]
    words += ["flat.omega=0", "ppo.learner.lr=2e-3"]
    out, jobs = planned(words)
    assert [str(job.folder.relative_to(out)) for job in jobs] == [
        "gigpo-5", "flat-5", "ppo-5", "gigpo-6", "flat-6", "ppo-6"
    ]  # fmt: skip
    assert out == Path("runs/compare-guess")
    assert [job.settings.algo_options.get("omega") for job in jobs[:3]] == [1.0, 0.0, None]
    assert [job.settings.learner.lr for job in jobs[:3]] == [1e-3, 1e-3, 2e-3]


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["env=guess"], "say which algorithms"),
        (["env=guess", "algos=gigpo", "algo=ppo"], r"compare takes algos=\.\.\., not algo="),
        (["env=guess", "algos=gigpo", "seeds=0"], "seeds=0: the number of seeds, at least 1"),
        (["env=guess", "algos=gigpo,gigpo"], "'gigpo' stands there twice; name one: other=gigpo"),
        (["env=guess", "algos=model=gigpo"], "'model' is a group of settings"),
        (["env=guess", "algos=gipgo"], "did you mean 'gigpo'"),
        (["env=guess", "algos=gigpo,ppo", "omega=0"], "ppo: no setting 'omega'.*gigpo.* have it"),
        (["env=guess", "algos=gigpo", "gigpo.omgea=0"], "did you mean 'omega'"),
    ],
)
def test_wrong_words_are_answered_in_a_sentence(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        planned(words)

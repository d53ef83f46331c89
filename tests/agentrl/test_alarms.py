"""Each alarm goes off where it should, and only there, and says what to do."""

from typing import Any

import pytest

from agentrl.alarms import alarms
from agentrl.findings import advice, headline, read_findings
from agentrl.journal import MetricsLine
from agentrl.report import write_text_summary
from agentrl.tally import group_metrics
from tests.agentrl import report_run
from tests.agentrl.examples import episodes


def run(first: dict[str, float], last: dict[str, float] | None = None, **algo: Any) -> list[str]:
    """Return the alarms of twenty iterations, the last ten of which log `last`."""
    lines = [MetricsLine("rl", i, first if i < 10 else last or first) for i in range(20)]
    return alarms(lines, {"algo": {"name": "gigpo", **algo}})


QUIET = {
    "entropy": 1.0, "success": 0.4, "credit_zero": 0.2, "group_collapse": 0.2, "group_failed": 0.1,
    "group_solved": 0.1, "group_single": 0.0, "group_unequal": 0.0, "anchor_singletons": 0.4, "left_out": 0.0,
    "failed": 0.0,
}  # fmt: skip
LOUD: dict[str, tuple[dict[str, float], str]] = {
    "entropy": (
        {"entropy": 0.02},
        "Entropy has collapsed from 1 to 0.02 nats a token, with 40 % of episodes",
    ),
    "spread": (
        {"credit_zero": 0.97, "group_collapse": 0.95},
        "In 95 % of groups all episodes earned the same",
    ),
    "failed": ({"group_failed": 0.6}, "In 60 % of groups no episode succeeded"),
    "solved": ({"group_solved": 0.8}, "In 80 % of groups every episode succeeded"),
    "single": ({"group_single": 0.5}, "50 % of groups have one episode"),
    "unequal": ({"group_unequal": 0.25}, "25 % of groups have fewer episodes than others"),
    "states": ({"anchor_singletons": 0.95}, "95 % of turns are alone in their state"),
    "left out": (
        {"left_out": 0.2, "failed": 0.05},
        "20 % of episodes were left out: 5 % could not be scored",
    ),
}


@pytest.mark.parametrize("name", LOUD)
def test_an_alarm_says_what_is_wrong_and_names_a_setting(name: str) -> None:
    figures, beginning = LOUD[name]
    [text] = run(QUIET, QUIET | figures, similarity=0.0, group_size=8, entropy=0.0)
    assert text.startswith(beginning)
    assert any(key in text for key in ("algo.", "algo=", "warm.", "rollout.", "log.txt"))


def test_nothing_is_said_where_all_is_well() -> None:
    assert run(QUIET, similarity=0.0) == []
    assert run({}) == []
    assert alarms([], {}) == []


@pytest.mark.parametrize(
    ("first", "last", "algo"),
    [
        (QUIET, {"entropy": 0.02, "success": 0.95}, {}),  # it is sure, and right
        (QUIET, {"entropy": 0.2}, {}),
        (
            QUIET,
            {"group_collapse": 0.95, "credit_zero": 0.1},
            {},
        ),  # another baseline gives credit all the same
        (QUIET, {"group_failed": 0.4, "group_solved": 0.4}, {}),
        (QUIET, {"anchor_singletons": 0.95}, {}),  # nothing is compared inside a state
        (QUIET, {"group_single": 1.0}, {"group_size": 1}),  # it was asked for
        (QUIET, {"left_out": 0.04}, {}),
        (QUIET | {"entropy": float("nan"), "success": float("nan")}, {"entropy": float("nan")}, {}),
    ],
)
def test_what_only_looks_alike_is_no_alarm(
    first: dict[str, float], last: dict[str, float], algo: dict[str, Any]
) -> None:
    assert run(first, first | last, **algo) == []


def test_an_alarm_is_about_the_end_of_training() -> None:
    assert run(QUIET | {"group_failed": 0.9}, QUIET) == []


def test_the_sampled_entropy_serves_where_none_was_computed() -> None:
    first = {"entropy_sampled": 2.0, "success": 0.1}
    [text] = run(first, first | {"entropy_sampled": 0.05})
    assert "from 2 to 0.05" in text


def test_only_settings_that_the_algorithm_has_are_advised() -> None:
    [text] = run(QUIET, QUIET | {"entropy": 0.02}, kl=0.0)
    assert text.endswith("What may help: a pull to the warm start (algo.kl), a lower learner.lr.")


def test_alarms_stand_in_the_report_and_in_the_printed_summary(tmp_path: Any) -> None:
    folder = report_run.write_run(tmp_path / "run")
    with (folder / "metrics.jsonl").open("a") as file:
        for i in range(41, 81):
            file.write(MetricsLine("rl", i, {"group_failed": 0.75}).to_json() + "\n")
    found = read_findings(folder)
    [text] = advice(found)
    assert text in headline(found) and text in write_text_summary(folder)


def test_groups_are_counted_by_how_they_end() -> None:
    from agentrl.batch import token_table

    played = episodes(16, seed=3)
    table = token_table(played)
    found = group_metrics(table)
    names = list(dict.fromkeys(e.group for e in played))
    ends = [{e.success for e in played if e.group == name} for name in names]
    sizes = [sum(e.group == name for e in played) for name in names]
    assert found["group_failed"] == pytest.approx(ends.count({False}) / len(names))
    assert found["group_solved"] == pytest.approx(ends.count({True}) / len(names))
    assert found["group_single"] == pytest.approx(sizes.count(1) / len(names))
    assert found["group_unequal"] == pytest.approx(sum(n < max(sizes) for n in sizes) / len(names))
    assert found["entropy_sampled"] == pytest.approx(-float(table.logp_behaviour.double().mean()))

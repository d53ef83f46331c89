"""The report of a run: one valid page, offline, on which text stays text."""

import dataclasses
import errno
import os
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from agentrl.errors import DataError, RunError
from agentrl.findings import Findings, change, headline, mismatch, read_findings
from agentrl.journal import MetricsLine
from agentrl.markup import VOID
from agentrl.records import Evaluation
from agentrl.report import write_report, write_text_summary
from agentrl.report_parts import changed, kind_table
from tests.agentrl import report_run


class Page(HTMLParser):
    """Reads a page and holds it to account: every element closed in order, nothing loaded, nothing run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        assert len({name for name, _ in attrs}) == len(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in self.open:
            self.text.setdefault(tag, []).append(data)

    def words(self, tag: str) -> str:
        return "".join(self.text[tag])


@pytest.fixture(scope="module", params=["finished", "stopped"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Page:
    run = report_run.write_run(
        tmp_path_factory.mktemp("report") / "run", finished=request.param == "finished"
    )
    return Page(write_report(run).read_text(encoding="utf-8"))


def test_the_page_is_whole_and_has_a_title_headings_and_captions(page: Page) -> None:
    assert [page.seen.count(tag) for tag in ("html", "head", "body", "h1", "main")] == [1] * 5
    assert page.seen.count("caption") == page.seen.count("table") > 0
    assert "gigpo on webshop" in page.words("h1")
    assert ("html", "lang", "en") in page.attributes


def test_nothing_is_loaded_and_nothing_can_run(page: Page) -> None:
    assert not {"script", "img", "link", "iframe", "object", "a"} & set(page.seen)
    assert not [a for a in page.attributes if a[1] in ("src", "href", "srcset") or a[1].startswith("on")]
    assert not [a for a in page.attributes if "//" in a[2]]
    style = page.words("style")
    assert "url(" not in style and "@import" not in style and "http" not in style


def test_hostile_text_in_an_episode_is_shown_as_text(page: Page) -> None:
    assert "</pre></body><script>alert(1)</script><img src=x onerror=alert(2)>" in page.words("article")


def test_every_picture_says_what_it_shows(page: Page) -> None:
    described = [a for a in page.attributes if a[0] == "svg" and a[1] in ("aria-label", "aria-hidden")]
    assert len(described) == page.seen.count("svg") > 10
    said = " ".join(value for _, name, value in described if name == "aria-label")
    assert "greedy goes from" in said
    assert "entropy goes from 1.18 at iteration 1 to 0.4 at 40" in said


def test_light_and_dark_are_both_served(page: Page) -> None:
    assert "prefers-color-scheme: dark" in page.words("style")


def test_the_headline_is_the_paired_gain_of_the_best(tmp_path: Path) -> None:
    run = read_findings(report_run.write_run(tmp_path / "run"))
    looks = run.evaluation
    first = max(looks.warm_start, key=lambda m: m.rate)
    last = max(looks.final, key=lambda m: m.rate)
    gain = change(first, last)
    assert gain.mean == pytest.approx(last.rate - first.rate)
    assert headline(run)[0] == (
        f"Training took webshop/test from {100 * first.rate:.1f} % to {100 * last.rate:.1f} % solved:"
        f" {100 * gain.mean:+.1f} points (95 % interval {100 * gain.low:+.1f} to {100 * gain.high:+.1f},"
        " 100 tasks)."
    )


def test_a_gain_that_may_be_chance_is_called_so(tmp_path: Path) -> None:
    run = read_findings(report_run.write_run(tmp_path / "run"))
    same = dataclasses.replace(
        run, evaluation=dataclasses.replace(run.evaluation, final=run.evaluation.warm_start)
    )
    assert "+0.0 points" in headline(same)[0]
    assert headline(same)[1].startswith("The interval holds 0")


def test_different_tasks_before_and_after_are_not_compared() -> None:
    look = report_run.measurement("greedy", 0.5)
    other = dataclasses.replace(look, panel=dataclasses.replace(look.panel, hash="else"))
    with pytest.raises(DataError, match="not the same before and after: 0f1e2d3c4b5a and else"):
        change(look, other)


def with_metrics(run: Findings, rollout: dict[str, Any], *lines: dict[str, float]) -> Findings:
    made = [MetricsLine("rl", i, values) for i, values in enumerate(lines)]
    return dataclasses.replace(run, config={**run.config, "rollout": rollout}, metrics=made)


def test_how_far_the_sampler_was_from_the_trainer_is_said(tmp_path: Path) -> None:
    run = read_findings(report_run.write_run(tmp_path / "run"))
    share = {"correction_clipped": 0.01, "correction_rejected": 0.0}
    said = mismatch(with_metrics(
        run, {},
        {"logprob_gap_mean": 0.001, "logprob_gap_max": 0.3, "correction_ess": 0.99, **share},
        {"logprob_gap_mean": 0.003, "logprob_gap_max": 0.1, "correction_ess": 0.95, **share},
        {"logprob_gap_mean": float("nan")},
    ))  # fmt: skip
    assert said == [
        "Sampler against trainer: log-probabilities differ by 0.002 nats a token on average, 0.3 at most;"
        " effective sample size 97.0 % of the tokens, 95.0 % at least; 1.0 % of weights truncated; 0.0 % of"
        " tokens rejected."
    ]
    assert mismatch(with_metrics(run, {}, {"success": 1.0})) == []


@pytest.mark.parametrize(
    ("rollout", "advice"),
    [
        ({"backend": "vllm", "top_p": 0.9}, "sample without cutting tokens off"),
        ({}, "compute old log-probabilities again (rollout.old=recompute) and weigh tokens"),
        ({"backend": "vllm", "correction": "none"}, "weigh tokens by the ratio of the two"),
        ({"backend": "vllm"}, "leave out what is farthest off"),
        ({"backend": "vllm", "correction": "mask"}, "loosen the bounds"),
    ],
)
@pytest.mark.parametrize("figures", [{"logprob_gap_mean": 0.05}, {"correction_ess": 0.7}])
def test_a_large_difference_brings_advice_that_fits_the_settings(
    tmp_path: Path, rollout: dict[str, Any], advice: str, figures: dict[str, float]
) -> None:
    run = with_metrics(read_findings(report_run.write_run(tmp_path / "run")), rollout, figures)
    assert advice in mismatch(run)[1]
    assert mismatch(run)[1] in headline(run)


def test_the_page_and_the_text_hold_the_difference_and_the_advice(tmp_path: Path) -> None:
    folder = report_run.write_run(tmp_path / "run")
    line = MetricsLine("rl", 41, {"logprob_gap_mean": 50.0, "logprob_gap_max": 60.0})
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(line.to_json() + "\n")
    found = mismatch(read_findings(folder))
    assert len(found) == 2
    words = Page(write_report(folder).read_text(encoding="utf-8")).words("section")
    assert all(sentence in words for sentence in found)
    assert found[1] in write_text_summary(folder)


def test_the_text_summary_holds_what_the_report_holds(tmp_path: Path) -> None:
    run = report_run.write_run(tmp_path / "run")
    text = write_text_summary(run)
    assert headline(read_findings(run))[0] in text
    assert "greedy           35.0 % ->  74.0 %" in text
    assert "25,600 environment steps, 15:30" in text
    assert text.endswith(f"report: {run / 'report.html'}")


def test_a_run_that_has_only_begun_has_a_report_too(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("env = 'guess'\nalgo = 'grpo'\n")
    page = Page(write_report(tmp_path).read_text())
    assert "Nothing has been measured yet." in page.words("main")
    assert "guess" in write_text_summary(tmp_path)


def test_what_is_no_run_has_no_report(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is not a run: it has no config\.toml"):
        write_report(tmp_path)
    (tmp_path / "config.toml").write_text("env = ")
    with pytest.raises(DataError, match=r"config\.toml: "):
        write_report(tmp_path)


def test_a_report_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = report_run.write_run(tmp_path / "run")
    (run / "report.html").write_text("old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"report\.html: No space left"):
        write_report(run)
    assert (run / "report.html").read_text() == "old"


def test_only_settings_that_differ_are_listed_with_their_default() -> None:
    config = {
        "env": "guess",
        "env_options": {"high": 20},
        "learner": {"lr": 1e-3, "beta1": 0.9},
        "eval": {"curve": ["greedy", "1.0"], "decodings": ["greedy"]},
        "versions": {"python": "3.11"},
    }
    assert changed(config) == [
        ("env", "guess", None),
        ("env.high", 20, None),
        ("learner.lr", 1e-3, 1e-6),
        ("eval.decodings", ["greedy"], ("greedy", "0.4", "1.0", "best_admissible")),
    ]


def test_success_by_sort_of_task_is_shown_where_tasks_have_sorts() -> None:
    one = report_run.measurement("greedy", 0.5)
    assert kind_table(Evaluation(final=(one,))) == ""
    kinds = tuple("put" if number % 2 else "look" for number in range(len(one.tasks)))
    shown = kind_table(Evaluation(final=(replace(one, kinds=kinds),)))
    for solved in (one.success[::2], one.success):
        assert f"{sum(solved)} of {len(solved)}" in shown

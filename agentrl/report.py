"""`report.html`: what a run came to, on one page that needs nothing beside itself.

Only the run folder is read. What is not there yet (a run that was stopped) is said to be missing.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from agentrl.charts import Level, Series, line_chart, percent, share_bar, small_chart
from agentrl.disk import write_whole
from agentrl.findings import Findings, advice, headline, mismatch, rate, read_findings
from agentrl.folder import REPORT
from agentrl.hacking import hacking, watched
from agentrl.journal import MetricsLine
from agentrl.markup import Markup, tag
from agentrl.mixture import is_mixture
from agentrl.progress import duration
from agentrl.records import Evaluation, Summary, best
from agentrl.report_parts import (
    decoding_name,
    document,
    kind_table,
    measurement_table,
    sample_pairs,
    section,
    settings_part,
    table,
)
from agentrl.statistics import area

FIRST = {
    "success": "episodes solved in training",
    "return": "weighted rewards of an episode",
    "entropy": "entropy, nats a token",
    "clip": "clipped share",
    "kl": "divergence from the reference",
    "grad_norm": "gradient norm",
    "logprob_gap": "sampler against trainer, log-probability",
    "correction": "weights between sampler and trainer",
    "group": "shares of groups: with one return only, failed whole, solved whole, of one episode, of fewer",
    "anchor_singletons": "turns alone in their state",
    "left_out": "episodes that could not be scored, and those of their groups",
    "invalid": "invalid turns",
    "strict": "a stricter check than the reward",
    "turns": "turns an episode",
}
"""metrics shown first, by the beginning of their names; the others are folded away"""


def write_report(folder: str | Path) -> Path:
    """Write `report.html` into a run folder and return its path.

    Errors: DataError where a file of the run is not as documented, RunError where the disk is full.
    """
    target = Path(folder) / REPORT
    write_whole(target, page(read_findings(Path(folder))).encode())
    return target


def page(run: Findings) -> str:
    """Return the whole page."""
    sections = [
        section("Learning curves", _curves(run.evaluation)),
        section("Before and after", Markup(measurement_table(run.evaluation) + kind_table(run.evaluation))),
        section("Training", _training(run.metrics)),
        *(
            [section("Reward against a stricter check", _watch(run))]
            if watched(run.metrics, run.config)
            else []
        ),
        section("Sampler against trainer", _mismatch(run)),
        section("Where the time went", _time(run.summary)),
        section("Episodes", sample_pairs(run.samples)),
        section("Settings", settings_part(run.config, run.config_text)),
        section("Versions and panels", _versions(run)),
    ]
    words = [tag("p", text, class_="headline" if not i else None) for i, text in enumerate(headline(run))]
    return document(run.title, tag("header", tag("h1", run.title), words), sections)


def _curves(evaluation: Evaluation) -> Markup:
    if not evaluation.curve:
        return tag("p", "The dev panel was not looked at.", class_="quiet")
    levels = [
        Level(f"{name} player", look.rate, 2 if name == "expert" else 5)
        for name, look in evaluation.baselines.items()
    ]
    # Levels of another panel are marks to go by, not points to compare with: the caption says which panel.
    top = best(evaluation.warm_start)
    levels += [Level("warm start, best decoding", top.rate, 3)] if top else []
    names = list(dict.fromkeys(name for point in evaluation.curve for name in point.rates))
    charts = []
    for label in ("iteration", "environment steps"):
        across = [p.iteration if label == "iteration" else p.environment_steps for p in evaluation.curve]
        series = [_series(evaluation, name, across, colour) for colour, name in enumerate(names)]
        title = f"Share of tasks solved, by {label}"
        charts.append(
            tag("div", line_chart(title, series, levels=levels, x_label=label), _heights(series, label))
        )
    dev = evaluation.dev
    where = f"Curves: {dev.name}, {dev.tasks} tasks, {dev.hash}. " if dev else ""
    other = f"Dashed lines: {top.panel.name}, {top.panel.tasks} tasks." if top else ""
    return Markup(tag("p", where, other, class_="quiet") + tag("div", charts, class_="curves"))


def _series(evaluation: Evaluation, name: str, across: Sequence[int], colour: int) -> Series:
    places = zip(across, evaluation.curve, strict=True)
    return Series(
        decoding_name(name), tuple((x, p.rates[name]) for x, p in places if name in p.rates), colour
    )


def _heights(series: Sequence[Series], label: str) -> Markup | None:
    """Say the mean height of each line, where it has a width."""
    words = []
    for line in series:
        xs, ys = [x for x, _ in line.points], [y for _, y in line.points]
        if len(xs) > 1 and all(a < b for a, b in pairwise(xs)):
            words.append(f"{line.name} {100 * area(xs, ys):.1f} %")
    return (
        tag("p", f"Mean height (area under the curve per {label}): ", ", ".join(words), ".", class_="quiet")
        if words
        else None
    )


def _training(metrics: Sequence[MetricsLine]) -> Markup:
    lines = [line for line in metrics if line.phase != "eval"]
    names = list(dict.fromkeys((line.phase, name) for line in lines for name in line.values))
    if not names:
        return tag("p", "No training step was taken.", class_="quiet")
    shown: list[Markup] = []
    folded: list[Markup] = []
    order = {key: rank for rank, key in enumerate(FIRST)}
    for phase, name in sorted(names, key=lambda n: order.get(_family(n[1]) or "", len(order))):
        found = tuple(
            (float(x.iteration), x.values[name]) for x in lines if x.phase == phase and name in x.values
        )
        main = phase == "rl" and _family(name) is not None
        chart = small_chart(
            name if phase == "rl" else f"warm start: {name}", Series(name, found, 0 if main else 5)
        )
        (shown if main else folded).append(chart)
    meaning = "; ".join(
        f"{key}: {text}" for key, text in FIRST.items() if any(_family(n) == key for _, n in names)
    )
    rest = (
        tag("details", tag("summary", f"{len(folded)} more"), tag("div", folded, class_="many"))
        if folded
        else ""
    )
    return Markup(tag("p", meaning, class_="quiet") + tag("div", shown, class_="many") + rest)


def _watch(run: Findings) -> Markup:
    """Return the training score and the stricter check over the same episodes, and what that says."""
    seen = watched(run.metrics, run.config)
    assert seen is not None  # the section is left out
    lines = (("training score", seen.score, 0), (seen.check, seen.strict, 1))
    series = [
        Series(name, tuple(zip(map(float, seen.iterations), values, strict=True)), colour)
        for name, values, colour in lines
    ]
    reward = Series("reward", tuple(zip(map(float, seen.iterations), seen.reward, strict=True)))
    words = [
        tag("p", text, class_="bad" if i else None) for i, text in enumerate(hacking(run.metrics, run.config))
    ]
    charts = line_chart("Mean over the training episodes", series), small_chart("reward, weighted", reward)
    return Markup("".join(words) + tag("div", charts, class_="curves"))


def _mismatch(run: Findings) -> Markup:
    said = mismatch(run) or ["No iteration compared the sampler's log-probabilities with the trainer's."]
    return Markup("".join(tag("p", text, class_="bad" if i else None) for i, text in enumerate(said)))


def _family(name: str) -> str | None:
    """Return the entry of FIRST that a metric belongs to."""
    own = name.rpartition("/")[2]  # without the environment, where there are several
    return own if own in FIRST else next((key for key in FIRST if own.startswith(f"{key}_")), None)


def _time(summary: Summary | None) -> Markup:
    if summary is None:
        return tag("p", "The run has not finished.", class_="quiet")
    parts = {name: value for name, value in summary.seconds.items() if name != "total" and value > 0}
    total = summary.seconds.get("total", sum(parts.values()))
    if total > sum(parts.values()):
        parts["other"] = total - sum(parts.values())
    whole = sum(parts.values()) or 1.0
    rows = [
        (tag("span", tag("span", class_=f"dot c{i % 6}"), " ", name), duration(value), percent(value / whole))
        for i, (name, value) in enumerate(parts.items())
    ]
    steps = f"{summary.environment_steps:,} environment steps in {duration(total)}."
    return Markup(tag("p", steps) + share_bar("Share of the time", parts)
                  + table("Wall time by part", ("part", "time", "share"), rows))  # fmt: skip


def _versions(run: Findings) -> Markup:
    looks = [*run.evaluation.warm_start, *run.evaluation.final, *run.evaluation.baselines.values()]
    panels = {look.panel: None for look in looks} | ({run.evaluation.dev: None} if run.evaluation.dev else {})
    made = table("Panels", ("panel", "hash", "tasks"), [(p.name, p.hash, str(p.tasks)) for p in panels])
    found = run.summary.versions if run.summary else {}
    rows = [
        (name, ("yes" if value else "no") if isinstance(value, bool) else value)
        for name, value in found.items()
    ]
    return Markup(made + (table("Versions", ("what", "version"), rows) if rows else ""))


def _by_environment(run: Findings) -> list[str]:
    """Return a line for each environment of several: success with the best decodings, before and after."""
    looks = [best(run.evaluation.warm_start), best(run.evaluation.final)]
    if run.summary is None or not is_mixture(run.summary.env):
        return []
    lines = []
    for label in dict.fromkeys(label for look in looks if look for label in look.by_kind):
        rates = [100 * good / count for look in looks if look for good, count in [look.by_kind[label]]]
        lines.append(f"  {label:<16}{' -> '.join(f'{one:5.1f} %' for one in rates)}")
    return lines


def write_text_summary(folder: str | Path) -> str:
    """Return what a finished run prints: headline, decodings, steps, time and where the report is."""
    run = read_findings(Path(folder))
    after = {look.decoding: look for look in run.evaluation.final}
    lines = [run.title, *headline(run)[:1], ""]
    for look in run.evaluation.warm_start:
        then = f" -> {rate(after[look.decoding]):>7}" if look.decoding in after else ""
        lines.append(f"  {look.decoding:<16}{rate(look):>7}{then}")
    lines += _by_environment(run)
    lines += [f"  {name:<16}{rate(look):>7}" for name, look in run.evaluation.baselines.items()]
    lines += ["", *warned] if (warned := advice(run)) else []
    if run.summary is not None:
        total = duration(run.summary.seconds.get("total", sum(run.summary.seconds.values())))
        lines += ["", f"{run.summary.environment_steps:,} environment steps, {total}"]
    return "\n".join([*lines, f"report: {run.path / REPORT}"])

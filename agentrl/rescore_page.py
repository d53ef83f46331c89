"""A rescore for the eye: one HTML page, one page of Markdown, a few lines for the terminal."""

from collections.abc import Sequence

from agentrl.agreement import Rescore, RescorePoint, Scored
from agentrl.charts import Series, line_chart
from agentrl.markup import Child, Markup, pipes, tag
from agentrl.report_parts import document, section, table

CURVE = ("iteration", "episodes", "unknown", "passed", "score", "reward", "new passed", "new score")
EXAMPLES = ("iteration", "task", "score", "new score", "answer", "reason")


def rows(found: Rescore) -> list[tuple[str, str]]:
    """Return the table of agreement, in words."""
    counted = found.agreement
    named = [
        ("both pass", counted.both),
        ("only the reward", counted.only_reward),
        ("only the verifier", counted.only_verifier),
        ("neither", counted.neither),
        *((f"unknown: {status}", count) for status, count in counted.unknown.items()),
    ]
    return [(name, f"{count:,} ({100 * count / max(1, found.episodes):.1f} %)") for name, count in named]


def sentence(found: Rescore) -> str:
    """Return the agreement in a sentence."""
    counted = found.agreement
    if counted.rate is None or counted.low is None or counted.high is None:
        return f"{found.verifier} gave no verdict on any of {found.episodes} episodes."
    known = found.episodes - sum(counted.unknown.values())
    return (
        f"Reward and {found.verifier} agree on {100 * counted.rate:.1f} % of {known:,} episodes (95 %"
        f" interval {100 * counted.low:.1f} to {100 * counted.high:.1f}, episodes taken to be independent);"
        f" {sum(counted.unknown.values())} are unknown."
    )


def text(found: Rescore) -> str:
    """Return what the terminal shows."""
    return "\n".join([sentence(found), *(f"  {name:<24}{count}" for name, count in rows(found))])


def markdown(found: Rescore) -> str:
    """Return the whole result as Markdown."""
    parts = [f"# {_title(found)}", sentence(found), pipes(("episodes", "count"), rows(found))]
    parts += ["## By iteration", pipes(CURVE, [_numbers(point) for point in found.curve])]
    for kind, examples in found.examples.items():
        if examples:
            parts += [f"## Examples: {kind}", pipes(EXAMPLES, [_cells(one) for one in examples])]
    return "\n\n".join(parts) + "\n"


def page(found: Rescore) -> str:
    """Return the whole result as one HTML page that loads and runs nothing."""
    title = _title(found)
    curve: Sequence[Sequence[Child]] = [_numbers(point) for point in found.curve]
    sections = [
        section("Agreement", table("Episodes", ("judged", "episodes"), rows(found))),
        section("By iteration", _charts(found), table("Means", CURVE, curve)),
        *(
            section(f"Examples: {kind}", *map(_example, examples))
            for kind, examples in found.examples.items()
            if examples
        ),
    ]
    header = tag("header", tag("h1", title), tag("p", sentence(found), class_="headline"))
    return document(title, header, sections)


def _title(found: Rescore) -> str:
    return f"{found.run} judged by {found.verifier}"


def _charts(found: Rescore) -> Markup:
    """Return both curves: shares that pass, and mean scores."""

    def series(name: str, values: Sequence[float | None], colour: int) -> Series:
        places = zip(found.curve, values, strict=True)
        return Series(name, tuple((float(p.iteration), y) for p, y in places if y is not None), colour)

    passed = (
        series("as played", [point.success for point in found.curve], 0),
        series(found.verifier, [point.passes for point in found.curve], 1),
    )
    scores = (
        series("as played", [point.score for point in found.curve], 0),
        series(found.verifier, [point.new for point in found.curve], 1),
    )
    charts = line_chart("Share of episodes that pass", passed), line_chart("Mean score", scores)
    return tag("div", charts, class_="curves")


def _example(one: Scored) -> Markup:
    facts = (
        f"{one.task}, sample {one.sample}, iteration {one.iteration}: score {one.score:g} as played, now"
        f" {'unknown' if one.new is None else format(one.new, 'g')}"
    )
    why = tag("p", one.reason, class_="quiet") if one.reason else None
    return tag("div", tag("p", facts), tag("pre", one.answer), why, class_="episode")


def _numbers(point: RescorePoint) -> tuple[str, ...]:
    values = (point.success, point.score, point.ret, point.passes, point.new)
    shown = ("–" if value is None else f"{value:.3f}" for value in values)
    return (str(point.iteration), str(point.episodes), str(point.unknown), *shown)


def _cells(one: Scored) -> tuple[str, ...]:
    new = one.status if one.new is None else f"{one.new:g}"
    return (str(one.iteration), one.task, f"{one.score:g}", new, repr(one.answer), one.reason)

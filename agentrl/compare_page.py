"""`compare.html` and the printed table: several algorithms side by side."""

from collections.abc import Sequence

from agentrl.charts import Series, line_chart
from agentrl.comparison import Comparison, Entry, Figure
from agentrl.markup import Child, Markup, tag
from agentrl.progress import duration
from agentrl.report_parts import decoding_name, document, section, table

HEAD = ("algorithm", "seeds", "warm start", "after RL", "gained, points", "against the first, points")
COSTS = ("turns a task", "turns played", "tokens learnt from", "time a run")


def sentences(found: Comparison) -> list[str]:
    """Return the result in sentences, the first of which can stand alone."""
    done = [entry for entry in found.entries if entry.final is not None]
    if not done:
        return ["No run has finished yet."]
    top = max(done, key=lambda entry: entry.final.mean if entry.final else 0.0)
    assert top.final is not None and found.panel is not None
    low, high = _ends(top.final)
    said = [
        f"Highest on {found.panel.name}: {top.name} with {_percent(top.final.mean)} solved (95 % interval"
        f" {_percent(low)} to {_percent(high)}; {_count(top.seeds, 'seed')}, {found.panel.tasks} tasks)."
    ]
    others = [entry for entry in done if entry.ahead is not None]
    if others:
        apart = [entry.name for entry in others if not _holds_zero(entry.ahead)]
        said.append(
            f"The interval of the difference to {found.entries[0].name} leaves out 0 for {', '.join(apart)}."
            if apart
            else f"Every interval of a difference to {found.entries[0].name} holds 0: these runs do not show"
            " that one is better."
        )
    if min(len(entry.seeds) for entry in done) < 2:
        said.append("One seed: the interval is over tasks alone, and says nothing about other seeds.")
    return said


def cautions(found: Comparison) -> list[str]:
    """Return what must be known to read the figures rightly."""
    said = [
        "Each run counts with the best of its decodings, before and after; intervals are over seeds and tasks"
        " together, differences are paired by seed and task, and nothing allows for choosing among several"
        " algorithms."
    ]
    if found.differing:
        said.append(f"Settings differ between these runs: {'; '.join(found.differing)}.")
    return said + [f"Not counted: {folder}: {why}" for folder, why in found.unfinished.items()]


def page(found: Comparison) -> str:
    """Return the whole page, which needs nothing beside itself."""
    title = f"{', '.join(entry.name for entry in found.entries)} on {found.env}"
    words = [tag("p", text, class_="headline" if not i else None) for i, text in enumerate(sentences(found))]
    notes = [tag("p", text, class_="quiet" if not i else "bad") for i, text in enumerate(cautions(found))]
    sections = [
        section("Side by side", _results(found), _costs(found), *notes),
        section("Learning curves", _curves(found)),
        section("Runs", _runs(found)),
    ]
    return document(title, tag("header", tag("h1", title), words), sections)


def _results(found: Comparison) -> Markup:
    names = _curve_names(found.entries)
    head = (*HEAD, *(f"curve's mean height, {decoding_name(name)}" for name in names))
    rows: list[Sequence[Child]] = [
        (
            e.name,
            ", ".join(map(str, e.seeds)) or "–",
            *map(_share, (e.warm_start, e.final)),
            *map(_points, (e.gain, e.ahead)),
            *(_share(e.areas.get(name)) for name in names),
        )
        for e in found.entries
    ]
    where = f"{found.panel.name}, {found.panel.tasks} tasks, {found.panel.hash}; " if found.panel else ""
    return table(f"{where}share of tasks solved; small: 95 % interval", head, rows)


def _costs(found: Comparison) -> Markup:
    rows = [(entry.name, *_prices(entry)) for entry in found.entries]
    return table("What it took: means of a run", ("algorithm", *COSTS), rows)


def _prices(entry: Entry) -> list[str]:
    """Return turns a task after RL, turns played, tokens learnt from, time."""
    turns = "–" if entry.turns is None else f"{entry.turns:.1f}"
    counts = ["–" if n is None else f"{n:,.0f}" for n in (entry.environment_steps, entry.tokens)]
    return [turns, *counts, "–" if entry.seconds is None else duration(entry.seconds)]


def _curves(found: Comparison) -> Markup:
    names = _curve_names(found.entries)
    if not names:
        return tag("p", "The dev panel was not looked at.", class_="quiet")
    charts = []
    for name in names:
        series = []
        for colour, entry in enumerate(found.entries):
            known = [(p.iteration, p.rates[name]) for p in entry.curve if name in p.rates]
            series.append(Series(
                entry.name,
                tuple((x, figure.mean) for x, figure in known),
                colour,
                tuple((x, *_ends(figure)) for x, figure in known) if len(entry.seeds) > 1 else (),
            ))  # fmt: skip
        charts.append(line_chart(f"Share of tasks solved, {decoding_name(name)}", series))
    dev = f"{found.dev.name}, {found.dev.tasks} tasks, {found.dev.hash}. " if found.dev else ""
    words = f"{dev}Lines are means over seeds; shaded: from the lowest run to the highest."
    return Markup(tag("p", words, class_="quiet") + tag("div", charts, class_="curves"))


def _runs(found: Comparison) -> Markup:
    rows = [
        (entry.name, str(seed), tag("code", run))
        for entry in found.entries
        for seed, run in zip(entry.seeds, entry.runs, strict=True)
    ]
    return table("Finished runs", ("algorithm", "seed", "folder"), rows)


def text_table(found: Comparison) -> str:
    """Return the result as a terminal shows it."""
    names = _curve_names(found.entries)[:1]
    head = ["algorithm", "seeds", "warm start", "after RL", "95 % interval", "gained", "against first",
            *(f"area, {name}" for name in names), "turns", "tokens", "time"]  # fmt: skip
    rows = [head]
    for e in found.entries:
        final = "–" if e.final is None else " to ".join(_percent(end)[:-2] for end in _ends(e.final))
        _, played, tokens, time = _prices(e)
        rows.append([
            e.name, str(len(e.seeds)), _plain(e.warm_start), _plain(e.final), final,
            *("–" if f is None else f"{100 * f.mean:+.1f}" for f in (e.gain, e.ahead)),
            *(_plain(e.areas.get(name)) for name in names), played, tokens, time,
        ])  # fmt: skip
    wide = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(w) if not i else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, wide, strict=True))
        )
        for row in rows
    ]
    return "\n".join([*lines, "", *sentences(found), *cautions(found)[1:]])


def _curve_names(entries: Sequence[Entry]) -> list[str]:
    """Return the decodings of any curve."""
    return list(dict.fromkeys(name for e in entries for point in e.curve for name in point.rates))


def _ends(figure: Figure | None) -> tuple[float, float]:
    """Return the ends of an interval; the mean twice where it has none."""
    assert figure is not None
    low = figure.mean if figure.low is None else figure.low
    return low, figure.mean if figure.high is None else figure.high


def _holds_zero(figure: Figure | None) -> bool:
    low, high = _ends(figure)
    return low <= 0 <= high


def _percent(share: float) -> str:
    return f"{100 * min(1.0, max(0.0, share)):.1f} %"


def _plain(figure: Figure | None) -> str:
    return "–" if figure is None else _percent(figure.mean)


def _share(figure: Figure | None) -> Child:
    if figure is None:
        return "–"
    if figure.low is None:
        return _percent(figure.mean)
    low, high = _ends(figure)
    return [f"{_percent(figure.mean)} ", tag("small", f"{_percent(low)[:-2]} to {_percent(high)[:-2]}")]


def _points(figure: Figure | None) -> Child:
    if figure is None:
        return "–"
    low, high = _ends(figure)
    look = None if _holds_zero(figure) else "good" if figure.mean > 0 else "bad"
    span = tag("small", f"{100 * low:+.1f} to {100 * high:+.1f}")
    return [tag("span", f"{100 * figure.mean:+.1f}", class_=look), " ", span]


def _count(things: Sequence[object], noun: str) -> str:
    return f"{len(things)} {noun}{'s' if len(things) != 1 else ''}"

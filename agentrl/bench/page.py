"""A benchmark for the eye: one HTML page, one page of Markdown, a table for the terminal."""

from collections.abc import Callable, Sequence
from typing import Literal

from agentrl.bench.chart import front_chart
from agentrl.bench.outcome import Bench, Row, Section, front
from agentrl.bench.published import PublishedTable
from agentrl.markup import Child, Markup, pipes, tag
from agentrl.report_parts import decoding_name, document, section, table
from agentrl.statistics import Interval
from agentrl.toolstats import ToolUse

Cell = tuple[str, str]
"""a figure and its interval, in words; the second may be empty"""
Unit = Literal["share", "number"]
FIGURES: Sequence[tuple[str, str, Unit]] = (
    ("EM", "em", "share"),
    ("TC", "tc", "number"),
    ("TP", "tp", "number"),
    ("excess", "excess", "number"),
    ("over-call", "over", "share"),
    ("under-call", "under", "share"),
    ("cost", "cost", "number"),
    ("tokens", "tokens", "number"),
    ("latency, s", "latency", "number"),
)
"""heading, field of `ToolUse` and unit"""
TERMINAL = ("TC", "TP", "excess", "over-call", "under-call", "tokens")
"""what the terminal shows beside EM"""
MEANINGS = (
    "EM: share of right answers. TC: calls a question; those that failed, repeat others or were refused"
    " count. TP: right answers over calls, both summed; inf where something is right without any. Excess:"
    " calls beyond the fewest that suffice, of right answers; below 0 where a guess was right. Over-call:"
    " share of the questions that need no call on which one is made. Under-call: share of those that need"
    " calls on which fewer are made. Cost: of the calls, a question, in the environment's unit. Tokens:"
    " written by the model, a question. Latency: declared seconds of the tools, a question. Seconds: wall"
    " time a question, of many asked at once. Beside means: 95 % bootstrap interval over questions."
)
LINE = (
    "Line: the models that no other model beats, which is right at least as often with at most as many calls."
    " Rings are reference players, which are not part of it."
)


def notes(part: Section) -> list[str]:
    """Return what must be known to read the figures of a section rightly."""
    said = []
    if part.differing:
        said.append(
            "Not comparable with figures of the environment's default options; set otherwise:"
            f" {', '.join(part.differing)}."
        )
    if part.rows and not any(one.counted for one in part.rows):
        said.append(f"No episode of {part.env} told of a tool call: nothing here is about tools.")
    said += [
        f"{one.name}: {one.errors} of {one.use.questions} episodes ended in an error of the environment, and"
        " count as wrong."
        for one in part.rows
        if one.errors
    ]
    return said + [f"No row for the {kind} player: {why}." for kind, why in part.missing.items()]


def title(part: Section) -> str:
    """Return a section's questions in words, with what proves that they are those."""
    return f"{part.panel.name}, {part.panel.tasks} tasks, {part.panel.hash}"


def how(found: Bench) -> str:
    """Return how models were asked."""
    return f"Models {decoding_name(found.decoding)}, seed {found.seed}."


def figures(use: ToolUse) -> list[Cell]:
    """Return the figures of a row in words."""
    return [_cell(getattr(use, name), unit) for _, name, unit in FIGURES]


def _cell(found: Interval | str | None, unit: Unit) -> Cell:
    if not isinstance(found, Interval):
        return found or "–", ""
    form: Callable[[float], str] = _percent if unit == "share" else _number
    return form(found.mean), f"{form(found.low)} to {form(found.high)}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _named(one: Row) -> str:
    return one.name if one.kind == "model" else f"{one.name} (player)"


def text(found: Bench) -> str:
    """Return what the terminal shows: means, and the interval of EM."""
    lines = [how(found)]
    for part in found.sections:
        lines += ["", title(part)]
        rows = [["", "questions", "EM", "95 % interval", *TERMINAL]]
        for one in part.rows:
            cells = dict(zip((name for name, *_ in FIGURES), figures(one.use), strict=True))
            means = [cells[name][0] for name in TERMINAL]
            rows.append([_named(one), str(one.use.questions), *cells["EM"], *means])
        wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines += [
            "  ".join(
                cell.rjust(w) if i else cell.ljust(w)
                for i, (cell, w) in enumerate(zip(row, wide, strict=True))
            )
            for row in rows
        ]
        lines += notes(part)
    return "\n".join(lines)


def markdown(found: Bench) -> str:
    """Return the whole result as Markdown."""
    parts = [f"# {found.benchmark}", how(found), MEANINGS]
    for one in found.sections:
        parts += [f"## {title(one)}", *notes(one)]
        for caption, rows in _tables(one):
            head = ("", "questions", *(name for name, *_ in FIGURES), "seconds")
            body = [
                (
                    name,
                    str(use.questions),
                    *(f"{mean} [{span}]" if span else mean for mean, span in figures(use)),
                    seconds,
                )
                for name, use, seconds in rows
            ]
            parts += [f"### {caption}", pipes(head, body)]
    for printed in found.published:
        parts += [f"## {_heading(printed)}", *([printed.note] if printed.note else []), _pipes_of(printed)]
    return "\n\n".join(parts) + "\n"


def _tables(part: Section) -> list[tuple[str, list[tuple[str, ToolUse, str]]]]:
    """Return (caption, rows) of every table: all questions, then those that need k calls."""
    made = [("All questions", [(_named(one), one.use, _number(one.seconds)) for one in part.rows])]
    needed = sorted({k for one in part.rows for k in one.by_calls}, key=float)
    for k in needed:
        rows = [(_named(one), one.by_calls[k], "") for one in part.rows if k in one.by_calls]
        made.append((f"Questions that need {k} call{'' if k == '1' else 's'}", rows))
    return made


def page(found: Bench) -> str:
    """Return the whole page, which needs nothing beside itself."""
    sections = [made for part in found.sections for made in _of_section(part)]
    if found.published:
        words = tag("p", "As printed by the paper, in its own setting: other questions, tools and models.")
        sections.append(section("Published figures", words, *map(_printed, found.published)))
    header = tag("header", tag("h1", found.benchmark), tag("p", how(found)))
    return document(f"{found.benchmark}: {found.split}", header, sections)


def _of_section(part: Section) -> list[Markup]:
    said = [tag("p", note, class_="bad") for note in notes(part)]
    front_of = front(part.rows)
    chart = front_chart("Right answers against calls", part.rows, front_of)
    (caption, rows), *by_calls = _tables(part)
    return [
        section(
            title(part), *said, chart, tag("p", LINE, class_="quiet"), _table(caption, rows, seconds=True),
            tag("p", MEANINGS, class_="quiet"), _settings(part),
        ),
        section(
            "By the fewest calls that suffice",
            *(_table(caption, rows, seconds=False) for caption, rows in by_calls)
        )
        if by_calls
        else Markup(""),
    ]  # fmt: skip


def _table(caption: str, rows: Sequence[tuple[str, ToolUse, str]], *, seconds: bool) -> Markup:
    head = ("", "questions", *(name for name, *_ in FIGURES), *(["seconds"] if seconds else []))
    body: list[Sequence[Child]] = [
        (
            name,
            str(use.questions),
            *([mean, tag("br"), tag("small", span)] if span else mean for mean, span in figures(use)),
            *([wall] if seconds else []),
        )
        for name, use, wall in rows
    ]
    return table(caption, head, body)


def _settings(part: Section) -> Markup:
    """Return how each model was asked, folded away."""
    models = [one for one in part.rows if one.kind == "model"]
    keys = list(dict.fromkeys(key for one in models for key in one.asked))
    rows = [(one.name, *(one.asked.get(key, "–") for key in keys), one.weights or "–") for one in models]
    options = tag("p", "Environment: ", ", ".join(f"env.{k}={v}" for k, v in part.options.items()))
    asked = table("How models were asked", ("model", *keys, "weights"), rows) if rows else None
    return tag("details", tag("summary", "Settings"), options, asked)


def _heading(printed: PublishedTable) -> str:
    unit = "EM in %" if printed.unit == "percent" else "EM as a share"
    return f"{printed.questions} ({printed.source}; {unit})"


def _cells(printed: PublishedTable) -> list[tuple[str, ...]]:
    return [
        (one.method, *("–" if n is None else f"{n:g}" for n in (one.em, one.tc, one.tp)))
        for one in printed.rows
    ]


def _pipes_of(printed: PublishedTable) -> str:
    return pipes(("method", "EM", "TC", "TP"), _cells(printed))


def _printed(printed: PublishedTable) -> Markup:
    made = table(_heading(printed), ("method", "EM", "TC", "TP"), _cells(printed))
    return Markup(made + (tag("p", printed.note, class_="quiet") if printed.note else ""))

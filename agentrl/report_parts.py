"""The parts of a report that are tables and text: measurements, episodes, settings."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from importlib.resources import files
from typing import Any

from agentrl.markup import Child, Markup, tag
from agentrl.records import Evaluation, Measurement, SampleEpisode, SampleTurn
from agentrl.settings import (
    ClusterSettings,
    EvalSettings,
    LearnerSettings,
    ModelSettings,
    RolloutSettings,
    RunSettings,
    WarmSettings,
)
from agentrl.statistics import paired_difference

LONG = 240
"""characters of an observation shown before the rest is folded away"""
GROUPS: Mapping[str, type[Any]] = {
    "run": RunSettings,
    "model": ModelSettings,
    "rollout": RolloutSettings,
    "learner": LearnerSettings,
    "warm": WarmSettings,
    "eval": EvalSettings,
    "cluster": ClusterSettings,
}
"""groups of settings whose defaults are known here; options of environments and algorithms are shown whole"""


def document(title: str, header: Markup, sections: Sequence[Markup]) -> str:
    """Return a whole page, which needs nothing beside itself."""
    style = files("agentrl").joinpath("report.css").read_text(encoding="utf-8")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        # Whatever an episode says, the page can load and run nothing.
        tag("meta", http_equiv="Content-Security-Policy",
            content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"),
        tag("title", title),
        tag("style", Markup(style)),
    )  # fmt: skip
    body = tag("body", tag("main", header, sections))
    return "<!DOCTYPE html>\n" + tag("html", head, body, lang="en") + "\n"


def section(title: str, *content: Markup) -> Markup:
    """Return a part of a page under its title."""
    return tag("section", tag("h2", title), content)


def decoding_name(decoding: str) -> str:
    """Return a decoding in words."""
    words = {"greedy": "greedy", "best_admissible": "best admissible action"}
    return words.get(decoding, f"sampled at temperature {decoding}")


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[Child]]) -> Markup:
    """Return a table; the first column names the row, the others are numbers or words."""
    top = tag("tr", [tag("th", name, scope="col", class_="n" if i else None) for i, name in enumerate(head)])
    body = [
        tag("tr", tag("th", row[0], scope="row"), [tag("td", cell, class_="n") for cell in row[1:]])
        for row in rows
    ]
    made = tag("table", tag("caption", caption), tag("thead", top), tag("tbody", body))
    return tag("div", made, class_="scroll", tabindex=0, role="region", aria_label=caption)


def measurement_table(evaluation: Evaluation) -> Markup:
    """Return every decoding before and after, and the baselines."""
    before = {look.decoding: look for look in evaluation.warm_start}
    after = {look.decoding: look for look in evaluation.final}
    looks = [*before.values(), *after.values(), *evaluation.baselines.values()]
    if not looks:
        return tag("p", "Nothing has been measured yet.", class_="quiet")
    rows: list[Sequence[Child]] = []
    for name in dict.fromkeys([*before, *after]):
        pair = before.get(name), after.get(name)
        rows.append((name, *map(_rate, pair), _gain(*pair), *_arrows(*pair)))
    for name, look in evaluation.baselines.items():
        rows.append((f"{name} player", _rate(look), "", "", *_arrows(look, None)))
    panel = looks[0].panel
    caption = f"{panel.name}, {panel.tasks} tasks, {panel.hash}; small: 95 % bootstrap interval over tasks"
    head = ("decoding", "solved before", "solved after", "change, points", "score", "turns", "invalid turns",
            "tool calls")  # fmt: skip
    errors = sum(look.errors for look in looks)
    note = f"{errors} episodes ended in an environment error and count as not solved." if errors else None
    return Markup(table(caption, head, rows) + (tag("p", note, class_="bad") if note else ""))


def _rate(look: Measurement | None) -> Child:
    if look is None or not look.success:
        return "–"
    span = look.interval()
    return [f"{100 * look.rate:.1f} % ", tag("small", f"{100 * span.low:.1f} to {100 * span.high:.1f}")]


def _gain(before: Measurement | None, after: Measurement | None) -> Child:
    if before is None or after is None or before.tasks != after.tasks or not before.success:
        return "–"
    gain = paired_difference(before.success, after.success)
    look = "good" if gain.low > 0 else "bad" if gain.high < 0 else None
    span = tag("small", f"{100 * gain.low:+.1f} to {100 * gain.high:+.1f}")
    return [tag("span", f"{100 * gain.mean:+.1f}", class_=look), " ", span]


def _arrows(before: Measurement | None, after: Measurement | None) -> list[str]:
    """Return score, turns, invalid share and tool calls, each before and after."""
    looks = [look for look in (before, after) if look is not None]
    figures = (
        [f"{look.mean_score:.3f}" for look in looks],
        [f"{look.mean_turns:.1f}" for look in looks],
        [f"{100 * look.invalid:.1f} %" for look in looks],
        [f"{look.tool_calls:.1f}" for look in looks],
    )
    return [" → ".join(both) for both in figures]


def kind_table(evaluation: Evaluation) -> Markup:
    """Return success by sort of task, each policy with its best decoding; nothing where tasks have none."""
    looks = [
        max(same, key=lambda look: look.rate) for same in (evaluation.warm_start, evaluation.final) if same
    ]
    if not looks or not looks[0].by_kind:
        return Markup("")
    rows: list[Sequence[Child]] = [
        (kind, *(_share(look.by_kind.get(kind)) for look in looks)) for kind in looks[0].by_kind
    ]
    rows.append(("all", *(_share((sum(look.success), len(look.success))) for look in looks)))
    when = ("before", "after") if evaluation.warm_start else ("after",)
    head = ("sort of task", *(f"{name}, {look.decoding}" for name, look in zip(when, looks, strict=False)))
    return table("Solved, by sort of task; best decoding of each", head, rows)


def _share(counts: tuple[int, int] | None) -> str:
    return f"{100 * counts[0] / counts[1]:.1f} % ({counts[0]} of {counts[1]})" if counts else "–"


def sample_pairs(samples: Sequence[SampleEpisode]) -> Markup:
    """Return the episodes kept to be read, those of one task side by side."""
    if not samples:
        return tag("p", "No episodes were kept.", class_="quiet")
    made = []
    for task in dict.fromkeys(sample.task for sample in samples):
        same = sorted((s for s in samples if s.task == task), key=lambda s: s.when == "after")
        goal = next((s.goal for s in same if s.goal), "")
        made.append(tag("h3", task))
        made.append(tag("p", goal) if goal else Markup(""))
        made.append(tag("div", [_episode(s) for s in same], class_="pair"))
    return Markup("".join(made))


def _episode(sample: SampleEpisode) -> Markup:
    result = tag(
        "span", "solved" if sample.success else "not solved", class_="good" if sample.success else "bad"
    )
    count = len(sample.turns)
    head = tag(
        "h4", f"{sample.when.capitalize()} training, {sample.decoding}: ", result,
        f", score {sample.score:.2f}, {count} turn{'s' if count != 1 else ''}",
    )  # fmt: skip
    return tag(
        "article", head, tag("ol", [tag("li", _turn(turn)) for turn in sample.turns]), class_="episode"
    )


def _turn(turn: SampleTurn) -> list[Markup]:
    notes = [] if turn.valid else [tag("span", " not valid", class_="bad")]
    if turn.reward:
        notes.append(tag("span", f" reward {turn.reward:+.3g}", class_="good" if turn.reward > 0 else "bad"))
    shown = [
        _folded(turn.observation),
        tag("p", "→ ", tag("code", turn.action or "(nothing)"), notes, class_="did"),
    ]
    if turn.text:
        shown.append(tag("details", tag("summary", "whole reply", class_="quiet"), tag("pre", turn.text)))
    return shown


def _folded(text: str) -> Markup:
    """Return a text, folded away behind its beginning where it is long."""
    if len(text) <= LONG:
        return tag("pre", text)
    return tag("details", tag("summary", tag("code", text[: LONG // 2].strip(), " …")), tag("pre", text))


def settings_part(config: Mapping[str, Any], text: str) -> Markup:
    """Return what was set otherwise than by default, and the whole configuration folded away."""
    rows = [
        (
            tag("code", key),
            tag("code", _word(value)),
            tag("code", _word(default)) if default is not None else "",
        )
        for key, value, default in changed(config)
    ]
    caption = "Settings that differ from the default; options of environment and algorithm"
    made = (
        table(caption, ("setting", "value", "default"), rows)
        if rows
        else tag("p", "All settings are the default.")
    )
    return Markup(made + tag("details", tag("summary", "The whole configuration"), tag("pre", text)))


def changed(config: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return (key, value, default) of settings that are not the default; None where no default is known.

    Edge: tables that are not settings (versions, panels) are left out.
    """
    found: list[tuple[str, Any, Any]] = []
    for group, values in config.items():
        if group in GROUPS and isinstance(values, Mapping):
            known = {f.name: f.default for f in fields(GROUPS[group]) if f.default is not MISSING}
            found += [
                (f"{group}.{k}", v, known.get(k)) for k, v in values.items() if _plain(known.get(k)) != v
            ]
        elif group.startswith(("env", "algo", "reward")):
            options = values if isinstance(values, Mapping) else {"": values}
            prefix = group.removesuffix("_options")
            found += [(f"{prefix}.{k}" if k else prefix, v, None) for k, v in options.items()]
    return found


def _plain(default: object) -> object:
    """Return a default as a configuration file would hold it."""
    return list(default) if isinstance(default, tuple) else default


def _word(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)

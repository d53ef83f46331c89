"""`agentrl bench`: asks what is not answered yet, and writes what all of it comes to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agentrl.bench.answers import Answers
from agentrl.bench.outcome import Bench, Row, Section, row
from agentrl.bench.page import markdown, page, text
from agentrl.bench.published import published
from agentrl.bench.words import Contender, Place, Plan, planned
from agentrl.disk import Lock, write_whole
from agentrl.env import PlayerKind, TextEnv
from agentrl.errors import ConfigError
from agentrl.progress import Progress
from agentrl.records import PanelRecord, to_json
from agentrl.registry import find
from agentrl.types import Panel
from agentrl.versions import versions

JSON, MARKDOWN, HTML = "bench.json", "bench.md", "bench.html"


@dataclass(slots=True)
class _Part:
    """A place while it is played."""

    place: Place
    panel: Panel
    record: PanelRecord
    rows: list[Row] = field(default_factory=list[Row])
    missing: dict[str, str] = field(default_factory=dict[str, str])

    def section(self) -> Section:
        """Return what is known of it."""
        options: Mapping[str, object] = self.place.settings.env_options
        return Section(
            self.place.env, options, self.place.differing, self.record, tuple(self.rows), self.missing
        )


def bench(words: Sequence[str]) -> Bench:
    """Return what the words after `agentrl bench` ask for, written to its folder and printed.

    Errors: ConfigError for wrong words, and where the folder holds answers given under other settings.
    """
    plan = planned(words)
    try:
        plan.out.mkdir(parents=True, exist_ok=True)
    except OSError as why:
        raise ConfigError(f"out={plan.out}: no folder can be made there: {why.strerror}") from why
    lock = Lock(plan.out)
    try:
        found = _played(plan)
    finally:
        lock.release()
    print(f"{text(found)}\n\nbenchmark: {plan.out / HTML}")
    return found


def _played(plan: Plan) -> Bench:
    """Return the benchmark; its pages are written anew with every row that is finished."""
    from agentrl.bench.play import ask_model, ask_player, questions  # after the words: it imports torch

    parts = [_Part(place, *questions(place, plan.split, plan.tasks)) for place in plan.places]
    jobs = [(part, who, answers) for part in parts for who, answers in _asked(plan, part)]
    found = _outcome(plan, parts)
    with Progress() as progress:
        for part, who, answers in jobs:
            if isinstance(who, Contender):
                ask_model(answers, who, part.panel, plan, progress)
                asked, weights = answers.header.asked, answers.header.weights
                part.rows.append(row(who.name, "model", answers.lines, asked, weights))
            else:
                try:
                    ask_player(answers, who, part.panel, part.place, progress)
                except ConfigError as why:
                    part.missing[who] = str(why)
                    continue
                part.rows.append(row(who, "reference", answers.lines))
            found = _outcome(plan, parts)
            _write(found, plan.out)
    _write(found, plan.out)
    return found


def _asked(plan: Plan, part: _Part) -> list[tuple[Contender | PlayerKind, Answers]]:
    """Return who is asked in a place, reference players first, with what they have answered so far."""
    from agentrl.bench.play import REFERENCES, header

    cls: type[TextEnv] = find("envs", part.place.env)
    offered = [kind for kind in REFERENCES if kind in cls.references]
    part.missing |= {kind: "the environment has none" for kind in REFERENCES if kind not in offered}
    return [
        (who, Answers(plan.out, header(plan, part.place, part.record, who)))
        for who in [*offered, *part.place.models]
    ]


def _outcome(plan: Plan, parts: Sequence[_Part]) -> Bench:
    return Bench(
        benchmark=plan.benchmark,
        split=plan.split,
        decoding=plan.decoding,
        seed=plan.places[0].settings.run.seed,
        sections=tuple(part.section() for part in parts),
        published=published(plan.published),
        versions=versions(),
    )


def _write(found: Bench, out: Path) -> None:
    write_whole(out / JSON, to_json(found).encode())
    write_whole(out / MARKDOWN, markdown(found).encode(errors="replace"))
    write_whole(out / HTML, page(found).encode(errors="replace"))

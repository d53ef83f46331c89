"""A finished run's policy as a folder to share: whole weights, tokenizer, and a card."""

import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentrl.errors import ConfigError, RunError
from agentrl.findings import Findings, headline, read_findings
from agentrl.records import Measurement, Summary

CARD = "README.md"
PRIVATE = ("out", "answers", "server", "server_weights")
"""settings that name places of whoever ran it: left out of a card"""


def export_model(run: Path, out: Path) -> Path:
    """Return the folder `out` that was made: a run's policy, an adapter merged in, its tokenizer and a card.

    Errors: ConfigError where there is no finished run, or `out` is there already.
    """
    model = run / "model"
    if not (run / "config.toml").is_file():
        raise ConfigError(f"{run} is not a run: it has no config.toml")
    found = read_findings(run)
    if found.summary is None or not model.is_dir():
        raise ConfigError(f"{run} is not finished; go on: agentrl resume {run}")
    if out.exists():
        raise ConfigError(f"out={out} is there already; nothing is written over")
    part = out.with_name(f".{out.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(model, part)
        (part / CARD).write_text(card(found, found.summary, out.name), encoding="utf-8")
        part.rename(out)
    except OSError as why:
        shutil.rmtree(part, ignore_errors=True)
        raise RunError(f"could not write {out}: {why.strerror or why}") from why
    return out


def card(run: Findings, summary: Summary, name: str) -> str:
    """Return the text of a model card: what it is, how it did, from which data and settings, with what."""
    base = str(run.config.get("model", {}).get("path", "tiny"))
    hub = base != "tiny" and not Path(base).exists() and base.count("/") == 1
    head = ["library_name: transformers", "pipeline_tag: text-generation"]
    head += ["tags: [reinforcement-learning, agentrl]", *([f"base_model: {base}"] if hub else [])]
    versions = ", ".join(f"{key} {value}" for key, value in summary.versions.items() if key != "dirty")
    panel = summary.panel
    parts = [
        "\n".join(["---", *head, "---"]),
        f"# {name}",
        f"A language-model agent, trained by {summary.algo} in the environment {summary.env} with agentrl. It"
        f" started from {_origin(base, hub)}.",
        "\n".join(headline(run)),
        "## Scores",
        _scores(run),
        f"Share of the {panel.tasks} tasks of {panel.name} (hash {panel.hash}) that were solved, with 95 %"
        f" bootstrap intervals over tasks. One run, seed {summary.seed}: how far runs with other seeds would"
        " differ is not in these intervals.",
        "## Data and environment",
        f"It learnt from its own episodes in `{summary.env}`, {summary.environment_steps:,} steps, and from"
        " what the settings below name beside them (`warm.demonstrations`: imitated episodes; `run.store`:"
        " stored ones). The environment's options are under `[env]`.",
        "## Licence",
        "Not stated yet. Whoever shares this model says here in words what others may do with it, after"
        " looking at the licences of the model it started from and of the data it was trained on; the"
        " metadata above take a field `license`.",
        "## Use",
        "```python\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        f'model = AutoModelForCausalLM.from_pretrained("{name}")\n'
        f'tokenizer = AutoTokenizer.from_pretrained("{name}")\n```',
        "The prompt it was trained on is written by the environment and by `[rollout]` below (`mode`,"
        " `style`, `history`).",
        "## Settings",
        f"Seed {summary.seed}; versions: {versions}.",
        f"```toml\n{public(run.config_text)}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _origin(base: str, hub: bool) -> str:
    if base == "tiny":
        return "a tiny model built from scratch"
    return f"`{base}`" if hub else f"a model in a folder (`{Path(base).name}`)"


def _scores(run: Findings) -> str:
    """Return a table of every measurement, before and after training and of scripted players."""
    before = {look.decoding: look for look in run.evaluation.warm_start}
    after = {look.decoding: look for look in run.evaluation.final}
    rows = [(f"decoding {name}", before.get(name), after.get(name)) for name in {**before, **after}]
    rows += [(f"{name} player", None, look) for name, look in run.evaluation.baselines.items()]
    lines = [f"| {name} | {_rate(one)} | {_rate(two)} |" for name, one, two in rows]
    return "\n".join(["| | before training | after training |", "|---|---|---|", *lines])


def _rate(look: Measurement | None) -> str:
    if look is None or not look.success:
        return "–"
    span = look.interval()
    return f"{100 * look.rate:.1f} % ({100 * span.low:.1f} to {100 * span.high:.1f})"


def public(config: str) -> str:
    """Return a run's settings without the places on the machine that it ran on.

    >>> print(public('[run]\\nseed = 0\\nout = "/disk/mine"\\n[model]\\npath = "/disk/base"'))
    [run]
    seed = 0
    [model]
    path = "base"
    """
    tables: Mapping[str, Any] = tomllib.loads(config)
    kept = [line for line in config.strip().splitlines() if line.partition(" ")[0] not in PRIVATE]
    text = "\n".join(kept)
    for table in tables.values():
        for value in table.values() if isinstance(table, Mapping) else ():
            if isinstance(value, str) and value.startswith(("/", "~", "./", "../")):
                text = text.replace(f'"{value}"', f'"{Path(value).name}"')
    return text

"""The same runs with the `hf` sampler and with vLLM: do they learn the same?

    python benchmarks/backends.py [seeds=3] [out=runs/backends] [to=benchmarks/results/backends.md]

Each seed has one model, one set of demonstrations and one warm start, equal bit for bit in both; only the
sampler of RL and of the measurements differs. A point of one dev curve agrees with the other where it lies
in its 95 % interval (Wilson, from the dev tasks). Finished runs are read, not repeated.
"""

import subprocess
import sys
from pathlib import Path

from agentrl.folder import SUMMARY, read_evaluation, read_summary
from agentrl.records import Evaluation, Summary
from agentrl.statistics import area, over_seeds

BACKENDS = ("hf", "vllm")
# Two heads of 32 for both: vLLM's CPU kernels know no heads narrower than 32.
WORDS = ("env=webshop", "algo=gigpo", "model.heads=2")


def finished(folder: Path, backend: str, seed: int) -> Path:
    """Return the folder of a finished run, made or continued where it is not finished."""
    if (folder / SUMMARY).exists():
        return folder
    words = (
        ["resume", str(folder)]
        if (folder / "config.toml").exists()
        else ["run", *WORDS, f"rollout={backend}", f"seed={seed}", f"out={folder}"]
    )
    subprocess.run([sys.executable, "-m", "agentrl", *words], check=True)
    return folder


def wilson(rate: float, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of `count` tasks."""
    z = 1.96
    middle, spread = (
        rate + z * z / (2 * count),
        z * (rate * (1 - rate) / count + (z / (2 * count)) ** 2) ** 0.5,
    )
    return (middle - spread) / (1 + z * z / count), (middle + spread) / (1 + z * z / count)


def agreement(one: Evaluation, other: Evaluation, count: int) -> float:
    """Return the share of curve points of `other` that lie in the interval of the same point of `one`."""
    hits = [
        low <= q.rates[name] <= high
        for p, q in zip(one.curve, other.curve, strict=True)
        for name in p.rates
        for low, high in [wilson(p.rates[name], count)]
    ]
    return sum(hits) / len(hits)


def figures(folder: Path) -> tuple[Summary, Evaluation, dict[str, float]]:
    """Return a run's records and the figures of its row."""
    summary = read_summary(folder)
    evaluation = read_evaluation(folder)
    greedy = [p.rates["greedy"] for p in evaluation.curve]
    before = {m.decoding: 100 * m.rate for m in evaluation.warm_start}
    after = {m.decoding: 100 * m.rate for m in evaluation.final}
    return (
        summary,
        evaluation,
        {
            "warm start, best": max(before.values()),
            "final, best": max(after.values()),
            "final, greedy": after["greedy"],
            "area under the dev curve": area([float(p.iteration) for p in evaluation.curve], greedy),
            "minutes": summary.seconds["total"] / 60,
        },
    )


def main(words: list[str]) -> int:
    """Run what is missing, write the table."""
    given = dict(word.split("=", 1) for word in words)
    seeds, out = int(given.get("seeds", 3)), Path(given.get("out", "runs/backends"))
    target = Path(given.get("to", Path(__file__).parent / "results" / "backends.md"))
    found = {
        (name, seed): figures(finished(out / f"{name}-{seed}", name, seed))
        for seed in range(seeds)
        for name in BACKENDS
    }
    panel = found["hf", 0][0].panel
    rows = list(found["hf", 0][2])
    lines = ["| | hf | vllm |", "|---|---|---|"]
    for row in rows:
        cells = []
        for name in BACKENDS:
            values = [found[name, seed][2][row] for seed in range(seeds)]
            interval = over_seeds(values)
            shown = ", ".join(f"{value:.3g}" for value in values)
            cells.append(f"{interval.mean:.3g} [{interval.low:.3g}, {interval.high:.3g}] ({shown})")
        lines.append(f"| {row} | {' | '.join(cells)} |")
    shares = []
    for seed in range(seeds):
        hf, vllm = found["hf", seed][1], found["vllm", seed][1]
        assert hf.dev is not None
        shares += [agreement(hf, vllm, hf.dev.tasks), agreement(vllm, hf, hf.dev.tasks)]
    text = "\n".join(
        [
            "# GiGPO on the generated WebShop: the hf sampler and vLLM's CPU engine",
            "",
            f"`python benchmarks/backends.py seeds={seeds}`. Test panel {panel.name}, hash {panel.hash},"
            f" {panel.tasks} goals. Cells: mean over seeds [95 % interval] (each seed).",
            "",
            *lines,
            "",
            f"Points of one dev curve inside the other's 95 % interval, both ways, seed by seed:"
            f" {', '.join(f'{share:.0%}' for share in shares)}.",
            "",
        ]
    )
    target.write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

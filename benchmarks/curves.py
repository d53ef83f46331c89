"""Draw the dev curves of `webshop_tiny.py`: greedy success over iterations, mean of the seeds.

python benchmarks/curves.py [seeds=5] [out=runs/webshop_tiny] [to=docs/webshop.svg]
"""

import sys
from pathlib import Path
from statistics import fmean

from agentrl.folder import read_evaluation

COLOURS = {"gigpo": "#1f6fb2", "grpo": "#c8501e", "ppo": "#2b8a5a", "sft": "#8a8a8a", "control": "#b04a9a"}
LABELS = {"sft": "imitation only", "control": "rewards of other groups"}
LEFT, TOP, WIDTH, HEIGHT = 50, 20, 480, 220


def curve(name: str, seeds: int, out: Path) -> list[tuple[int, float]]:
    """Return (iteration, mean greedy success on dev) of an algorithm's runs."""
    runs = [read_evaluation(out / f"{name}-{seed}").curve for seed in range(seeds)]
    return [
        (points[0].iteration, fmean(p.rates["greedy"] for p in points)) for points in zip(*runs, strict=True)
    ]


def drawn(curves: dict[str, list[tuple[int, float]]]) -> str:
    """Return the curves as an SVG picture that reads on light and dark pages."""
    last = max(x for points in curves.values() for x, _ in points)
    parts = []
    for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        y = TOP + HEIGHT * (1 - share)
        parts.append(f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#8884"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{share:.0%}</text>')
    for x in range(0, last + 1, 10):
        parts.append(
            f'<text x="{LEFT + WIDTH * x / last:.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{x}</text>'
        )
    placed: list[float] = []
    for name, points in sorted(curves.items(), key=lambda item: -item[1][-1][1]):
        at = [(LEFT + WIDTH * x / last, TOP + HEIGHT * (1 - y)) for x, y in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[name]}" stroke-width="2.5"/>')
        y = max(at[-1][1] + 4, (placed[-1] + 15) if placed else 0.0)
        placed.append(y)
        label = f"{LABELS.get(name, name)} {points[-1][1]:.0%}"
        parts.append(f'<text x="{LEFT + WIDTH + 8}" y="{y:.1f}" fill="{COLOURS[name]}">{label}</text>')
    middle = LEFT + WIDTH / 2
    parts.append(f'<text x="{middle}" y="{TOP + HEIGHT + 38}" text-anchor="middle">iterations of RL</text>')
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 190} {TOP + HEIGHT + 46}"'
        ' font-family="sans-serif" font-size="12" fill="#808080">'
    )
    return "\n".join([head, "<title>Share of WebShop dev goals solved, greedy</title>", *parts, "</svg>", ""])


def main(words: list[str]) -> int:
    """Read the runs, write the picture."""
    given = dict(word.split("=", 1) for word in words)
    out, seeds = Path(given.get("out", "runs/webshop_tiny")), int(given.get("seeds", 5))
    names = [name for name in COLOURS if (out / f"{name}-{seeds - 1}").is_dir()]
    Path(given.get("to", "docs/webshop.svg")).write_text(
        drawn({name: curve(name, seeds, out) for name in names})
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

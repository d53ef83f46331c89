"""A reward that rises while a stricter check falls is said to be suspicious, and nothing else is."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from agentrl.findings import Findings, headline, read_findings
from agentrl.folder import RunFolder
from agentrl.hacking import hacking
from agentrl.report import page, write_text_summary
from tests.agentrl.report_run import CONFIG, evaluation

Curve = Callable[[float], float]


def run(path: Path, reward: Curve, strict: Curve | None, *, count: int = 30, noise: float = 0.02) -> Path:
    """Return a run folder with curves over 0 to 1 and some noise on them."""
    dice = random.Random(0)
    with RunFolder.create(path, "webshop", "gigpo") as folder:
        folder.write_config(CONFIG)
        folder.write_evaluation(evaluation())
        for number in range(1, count + 1):
            place = number / count
            paid = reward(place) + dice.gauss(0, noise)
            values = {"return": paid, "score": paid, "success": paid}
            if strict is not None:
                values |= {"strict": strict(place) + dice.gauss(0, noise), "strict_unknown": 0.1}
            folder.add_metrics("rl", number, values)
    return path


def parted(found: Findings) -> list[str]:
    return hacking(found.metrics, found.config)


def up(x: float) -> float:
    return 0.3 + 0.3 * x


def down(x: float) -> float:
    return 0.5 - 0.2 * x


def flat(x: float) -> float:
    return 0.4


def test_a_reward_that_rises_while_the_check_falls_is_told_everywhere(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", up, down)
    found = read_findings(folder)
    moved, warning = parted(found)
    assert "the environment's own strict check from 45" in moved and "nothing about 10.0 %" in moved
    assert warning.startswith("Reward hacking? The training reward rises while the stricter check falls")
    assert warning in headline(found) and warning in write_text_summary(folder)
    html = page(found)
    assert html.count("Reward hacking?") == 2 and "Reward against a stricter check" in html
    assert "training score goes from" in html and "own strict check goes from" in html


def test_the_check_is_named_as_the_run_was_told(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", up, down)
    for said, name in (("none", "the environment's own strict check"), ("/far/mine.py:even", "mine.py:even")):
        (folder / "config.toml").write_text(f"{CONFIG}\n".replace("seed = 3", f'seed = 3\nstrict = "{said}"'))
        assert f"{name} from" in parted(read_findings(folder))[0]


@pytest.mark.parametrize(
    ("reward", "strict"),
    [(up, up), (up, flat), (down, down), (flat, down), (flat, flat), (down, up)],
    ids=["both rise", "check stays", "both fall", "reward stays", "both stay", "check rises"],
)
def test_other_movements_are_told_without_a_warning(tmp_path: Path, reward: Curve, strict: Curve) -> None:
    found = read_findings(run(tmp_path / "run", reward, strict))
    assert len(parted(found)) == 1 and "Reward hacking?" not in page(found)
    assert "Reward against a stricter check" in page(found)


def test_noise_and_few_iterations_give_no_warning(tmp_path: Path) -> None:
    assert len(parted(read_findings(run(tmp_path / "short", up, down, count=8)))) == 1
    slight: Curve = lambda x: 0.4 + 0.01 * x  # noqa: E731
    noisy = run(tmp_path / "noisy", slight, lambda x: 0.42 - 0.02 * x, noise=0.2)
    assert len(parted(read_findings(noisy))) == 1


def test_without_a_check_there_is_no_section(tmp_path: Path) -> None:
    found = read_findings(run(tmp_path / "run", up, None))
    assert parted(found) == [] and "stricter check" not in page(found)

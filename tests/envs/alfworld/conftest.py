"""Games for tests: a folder made by hand, and the real ones where somebody has them."""

import json
import lzma
from pathlib import Path

import pytest

from agentrl_envs.alfworld.sources import opened
from tests.golden.alfworld import Games


@pytest.fixture(scope="session")
def real() -> str:
    """Where the real games are; tests that need them are skipped where they are not."""
    place = Games.place()
    if not place:
        pytest.skip("the real ALFWorld games were not found: set ALFWORLD_DATA")
    return place


@pytest.fixture(scope="session")
def tree(real: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some real games as the original's own files, 12 for training and 3 to measure on."""
    root = tmp_path_factory.mktemp("data")
    source = opened(real)
    if "train" not in source.splits or "valid_seen" not in source.splits:
        pytest.skip(f"{real} lacks train or valid_seen; it has {', '.join(source.splits)}")
    for split, step, count in (("train", 290, 12), ("valid_seen", 45, 3)):
        for entry in source.entries(split)[::step][:count]:
            folder = root / "json_2.1.1" / entry.id
            folder.mkdir(parents=True)
            (folder / "game.tw-pddl").write_text(json.dumps(source.texts(entry)))
    return root


@pytest.fixture(scope="session")
def packed(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same games as packed archives, with the texts they share beside them."""
    root, source = tmp_path_factory.mktemp("packed"), opened(str(tree))
    for split in source.splits:
        with lzma.open(root / f"games_{split}.jsonl.xz", "wt") as lines:
            for entry in source.entries(split):
                texts = dict(source.texts(entry))
                goal = texts["grammar"].partition("Your task is to: ")[2].partition('"')[0]
                shared = texts["grammar"].replace(goal, "UNKNOWN GOAL.", 1)
                (root / "grammar.twl2").write_text(shared)
                (root / "domain.pddl").write_text(texts["pddl_domain"])
                row = {"id": entry.id, "task_type": entry.kind, "goal": goal}
                kept = {key: texts[key] for key in ("pddl_problem", "solvable", "walkthrough")}
                lines.write(json.dumps(row | kept) + "\n")
    return root

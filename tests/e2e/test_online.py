"""Every online algorithm trains three iterations on two environments, from settings to report."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentrl.config import parse
from agentrl.errors import ConfigError
from agentrl.train import train

SMALL = {
    **{"model.hidden": 16, "model.layers": 1, "model.heads": 2, "warm.demonstrations": 1, "warm.tasks": 30},
    **{"rollout.tasks": 3, "eval.test": 2, "eval.dev": 2, "eval.every": 0, "iterations": 3},
    **{"trajectories": 0, "eval.decodings": "1.0", "algo.group_size": 4},
}
WORLDS = {"guess": {"env": "guess"}, "webshop": {"env": "webshop", "env.max_turns": 5}}
ALGOS = {
    "gigpo": ["similarity=0.9", "kl=0.01", "kl_kind=k3+"],
    "rloo": ["kl=0.05", "kl_target=0.1"],
    "reinforce": [],
    "reinforce_pp": ["kl=0.01"],
    "drgrpo": ["entropy=0.01"],
    "dapo": ["algo.replace=2"],
    "gspo": [],
    "cispo": [],
    "grpo_d": ["kl_span=3"],
    "ppo": ["level=turn"],
    "pf_ppo": ["level=bilevel", "learner.critic=head"],
    "vetta": [],
    "hgpo": [],
    "graphgpo": [],
    "g2po": [],
    "proxmo": [],
    "disco": [],
    "trpa": [],
    "copo": [],
    "copg": [],
    "multi_objective": [],
    "seed_grpo": [],
    "r2vpo": ["dual_step=0.1"],
    "fiber": [],
}


def made(folder: Path) -> Iterator[dict[str, float]]:
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        values = json.loads(line)
        if values["phase"] == "rl":
            yield values


def trained(world: str, words: list[str], out: Path) -> list[dict[str, float]]:
    return list(made(train(parse([*WORLDS[world], *SMALL, *words, f"out={out}"]))))


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", ALGOS)
def test_three_iterations_move_the_weights(name: str, world: str, tmp_path: Path) -> None:
    lines = trained(world, [f"algo={name}", *ALGOS[name]], tmp_path / "run")
    assert [line["iteration"] for line in lines] == [1, 2, 3]
    assert all(line["token_violations"] == 0 for line in lines)
    assert any(line.get("grad_norm", 0) > 0 for line in lines), "nothing was learnt"


def test_a_student_comes_nearer_to_its_teacher(tmp_path: Path) -> None:
    trained("guess", ["algo=grpo", "warm.demonstrations=6"], tmp_path / "teacher")
    words = [
        "algo=opd",
        f"teacher={tmp_path / 'teacher' / 'model'}",
        "lr=3e-3",
        "iterations=8",
        "warm.tasks=5",
    ]
    lines = trained("guess", words, tmp_path / "student")
    assert lines[-1]["teacher_gap"] < lines[0]["teacher_gap"]


def test_a_teacher_with_other_tokens_is_refused(tmp_path: Path) -> None:
    trained("webshop", ["algo=grpo", "iterations=1"], tmp_path / "teacher")
    words = ["algo=opd", f"teacher={tmp_path / 'teacher' / 'model'}"]
    with pytest.raises(ConfigError, match="its tokens are not the policy's"):
        trained("guess", words, tmp_path / "student")

"""Every online algorithm trains three iterations on two environments, from settings to report."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from agentrl.algo import Groups
from agentrl.config import from_values
from agentrl.errors import ConfigError
from agentrl.outline import outline
from agentrl.train import train

ROOT = Path(__file__).resolve().parents[2]

SMALL = {
    **{"model.hidden": 16, "model.layers": 1, "model.heads": 2, "warm.demonstrations": 1, "warm.tasks": 30},
    **{"rollout.tasks": 3, "eval.test": 2, "eval.dev": 2, "eval.every": 0, "run.iterations": 3},
    **{"run.trajectories": 0, "eval.decodings": "1.0", "algo.group_size": 4},
}
WORLDS = {"guess": {"env": "guess"}, "webshop": {"env": "webshop", "env.max_turns": 5}}
ALGOS: dict[str, dict[str, object]] = {
    "gigpo": {"similarity": 0.9, "kl": 0.01, "kl_kind": "k3+"},
    "rloo": {"kl": 0.05, "kl_target": 0.1},
    "reinforce": {},
    "reinforce_pp": {"kl": 0.01},
    "drgrpo": {"entropy": 0.01},
    "dapo": {"algo.replace": 2},
    "gspo": {},
    "cispo": {},
    "grpo_d": {"kl_span": 3},
    "ppo": {"level": "turn"},
    "pf_ppo": {"level": "bilevel", "learner.critic": "head"},
    "vetta": {},
    "hgpo": {},
    "graphgpo": {},
    "g2po": {},
    "proxmo": {},
    "disco": {},
    "trpa": {},
    "copo": {},
    "copg": {},
    "multi_objective": {},
    "seed_grpo": {},
    "r2vpo": {"dual_step": 0.1},
    "fiber": {},
    "otc_grpo": {"clip_correct_advantage": True},
    "otc_ppo": {"level": "turn", "algo.tools_c": 3},
    "toolrl": {"algo.tools": "group"},
}


def made(folder: Path) -> Iterator[dict[str, float]]:
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        values = json.loads(line)
        if values["phase"] == "rl":
            yield values


def trained(world: str, words: Mapping[str, object], out: Path) -> list[dict[str, float]]:
    return list(made(train(from_values(WORLDS[world], SMALL, words, {"run.out": str(out)}))))


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", ALGOS)
def test_three_iterations_move_the_weights(name: str, world: str, tmp_path: Path) -> None:
    lines = trained(world, {"algo": name, **ALGOS[name]}, tmp_path / "run")
    assert [line["iteration"] for line in lines] == [1, 2, 3]
    assert all(line["token_violations"] == 0 for line in lines)
    learnt = any(line.get("grad_norm", 0) > 0 for line in lines)
    mute = name == "disco" and not any(
        line["success"] for line in lines
    )  # it sets successes against failures
    assert learnt != mute


def test_every_algorithm_that_plays_online_is_here() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    from tests.e2e.test_preferences import ALGOS as COMPARED  # which imports this file

    groups = {name for name in declared["agentrl.algos"] if collects(name) is Groups}
    taught = {"opd", "kepo"}  # which have tests of their own below, as grpo has in test_guess
    assert groups - taught - {*COMPARED, "rto"} == {*ALGOS, "grpo"}


def collects(name: str) -> type[object]:
    """Return what sort of plan an algorithm has."""
    return type(outline(name)().collect())


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the folder of a model that knows `guess` a little."""
    folder = tmp_path_factory.mktemp("teacher")
    trained("guess", {"algo": "grpo", "warm.demonstrations": 6}, folder / "run")
    return str(folder / "run" / "model")


@pytest.mark.parametrize(
    "words",
    [{"algo": "opd"}, {"algo": "opd", "algo.support": 8}, {"algo": "kepo", "algo.tau": 0.0}],
    ids=["opd", "opd over eight tokens", "kepo"],
)
def test_a_student_comes_nearer_to_its_teacher(
    words: Mapping[str, object], teacher: str, tmp_path: Path
) -> None:
    also = {"algo.teacher": teacher, "learner.lr": 3e-3, "run.iterations": 8, "warm.tasks": 5}
    lines = trained("guess", {**words, **also}, tmp_path / "student")
    assert lines[-1]["teacher_gap"] < lines[0]["teacher_gap"]


def test_a_teacher_with_other_tokens_is_refused(tmp_path: Path) -> None:
    trained("webshop", {"algo": "grpo", "run.iterations": 1}, tmp_path / "teacher")
    words = {"algo": "opd", "teacher": str(tmp_path / "teacher" / "model")}
    with pytest.raises(ConfigError, match="its tokens are not the policy's"):
        trained("guess", words, tmp_path / "student")


def test_a_teacher_that_is_not_there_is_told_before_anything_is_made(tmp_path: Path) -> None:
    words = {"algo": "opd", "teacher": str(tmp_path / "nobody")}
    with pytest.raises(ConfigError, match=r"^algo\.teacher=.*: no such folder"):
        trained("guess", words, tmp_path / "student")
    assert not (tmp_path / "student").exists()

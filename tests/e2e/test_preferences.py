"""Every algorithm on preferences trains three iterations on two environments, from settings to report."""

import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import pytest
import torch
from safetensors.torch import load_file

from agentrl.credit import trees
from agentrl.credit.steps import StepWeight
from agentrl.errors import ConfigError
from agentrl.forest import read_trees
from agentrl.losses import listwise
from agentrl.losses.pairwise import KINDS
from agentrl.train import resume
from agentrl_algos.dpo import PairLoss, Rule
from agentrl_algos.listwise import LiPO
from agentrl_algos.tpo import TPO
from tests.e2e.test_online import ROOT, WORLDS, trained

ALGOS: dict[str, Mapping[str, object]] = {
    "dpo": {"algo.margin": 0.0, "ches": True, "entangled": True, "wpo": True},
    "sparsepo": {"algo.margin": 0.0},
    "modpo": {"algo.gap": 0.0},
    "spin": {"algo.group_size": 2},
    "dno": {"algo.group_size": 3, "algo.good": 0.0, "algo.gap": 0.0, "algo.gap_own": 0.0},
    "step_dpo": {"points": 3},
    "step_apo": {},
    "mcts_dpo": {},
    "agent_q": {},
    "tree_pairs": {},
    "kto": {},
    "bco": {},
    "redi": {"played": "anew"},
    "rejection": {},
    "lipo": {},
    "pro": {},
    "tpo": {},
    "sppo": {},
    "online_ipo": {},
    "egpo": {},
    "inpo": {},
    "xpo": {},
    "nash_md": {},
}
ALONE = {"kto", "bco", "redi", "nash_md", "spin", "dno"}
"""which learn from failed episodes, too, are shown others, or hold to the reference; the rest want one that
went better"""


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", ALGOS)
def test_three_iterations_move_the_weights(name: str, world: str, tmp_path: Path) -> None:
    lines = trained(world, {"algo": name, **ALGOS[name]}, tmp_path / "run")
    assert [line["iteration"] for line in lines] == [1, 2, 3]
    assert all(line["token_violations"] == 0 for line in lines)
    assert all(line.get("logprob_gap_max", 0) < 1e-3 for line in lines)
    learnt = any(line.get("grad_norm", 0) > 0 for line in lines)
    assert learnt == (name in ALONE or any(line["score"] > 0 for line in lines))


@pytest.mark.parametrize(
    "words",
    [
        {"algo": "mcts_dpo", "search": "beam", "loss_kind": "ipo"},
        {"algo": "mcts_dpo", "search": "best_first", "algo.depth": 8, "walks": 12, "solved": "false"},
        {"algo": "mcts_dpo", "power": 1.25, "rule": "way_random", "rollout.mode": "transcript"},
        {"algo": "step_apo", "trees": "searched"},
        {"algo": "tree_pairs", "rule": "path", "half": "false"},
    ],
    ids=lambda words: "-".join(map(str, words.values())),
)
def test_searched_trees_serve_other_searches_rules_and_losses(
    words: Mapping[str, object], tmp_path: Path
) -> None:
    lines = trained("guess", words, tmp_path / "run")
    assert any(line.get("grad_norm", 0) > 0 for line in lines)
    assert all(line["tree_nodes"] > line["tree_expansions"] > 1 for line in lines)
    trees = [list(read_trees(path)) for path in sorted((tmp_path / "run/trajectories/trees").iterdir())]
    assert [len(own) for own in trees] == [3, 3, 3]
    for line, own in zip(lines, trees, strict=True):
        ends = [tree.nodes[tree.way[-1]] for tree, _ in own]
        assert line["tree_success"] == pytest.approx(sum(end.outcome == "success" for end in ends) / 3)
        assert line["tree_nodes"] == pytest.approx(sum(len(tree.nodes) for tree, _ in own) / 3)


def test_a_run_that_was_stopped_on_a_half_step_goes_on_from_where_that_began(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    trained("guess", {"algo": "egpo", "run.checkpoint": 1, "run.keep": 9}, folder)
    whole = load_file(folder / "model/model.safetensors")
    (folder / "summary.json").unlink()
    for after in ("rl-000002", "rl-000003"):
        shutil.rmtree(folder / "checkpoints" / after)
    resume(folder)
    again = load_file(folder / "model/model.safetensors")
    assert all(torch.equal(again[name], weight) for name, weight in whole.items())


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the folder of a model trained by DPO on pairs of whole episodes."""
    folder = tmp_path_factory.mktemp("guide")
    trained("guess", {"algo": "dpo", "of": "episodes", "loss_kind": "tdpo2"}, folder / "run")
    return str(folder / "run" / "model")


@pytest.mark.parametrize(
    "words", [{"algo": "rto"}, {"algo": "tgdpo", "algo.of": "episodes"}], ids=["rto", "tgdpo"]
)
def test_a_policy_trained_by_dpo_guides_another(
    words: Mapping[str, object], guide: str, tmp_path: Path
) -> None:
    lines = trained("guess", {**words, "algo.teacher": guide}, tmp_path / "run")
    assert any(line.get("grad_norm", 0) > 0 for line in lines)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"algo": "dpo", "loss_kind": "simop"}, "did you mean 'simpo'"),
        ({"algo": "tpo", "method": "triple"}, "Triple and Test-time Preference Optimization share the name"),
        ({"algo": "dpo", "rule": "way_worst"}, "no tree is searched"),
        ({"algo": "tree_pairs", "rule": "first_error"}, "not a searched tree"),
        ({"algo": "mcts_dpo", "actions": 1, "actions_root": 1}, "one of them must be at least 2"),
        ({"algo": "mcts_dpo", "exploration": -1.0}, "exploration=-1.0: must be at least 0"),
        ({"algo": "mcts_dpo", "power": -1.0}, "power=-1.0: must be at least 0"),
        ({"algo": "agent_q", "blend": 2.0}, "a share of 0 to 1"),
        ({"algo": "agent_q", "loss_kind": "tdpo1"}, "reference=start"),
        ({"algo": "tgdpo"}, "a policy trained by algo=dpo"),
        ({"algo": "rto"}, "a policy trained by algo=dpo"),
        ({"algo": "inpo", "tau": 1.0}, "tau is above 0 and at most eta"),
        ({"algo": "redi", "good_if": "above_mean"}, "needs played=anew"),
    ],
)
def test_a_setting_without_a_sense_is_refused(words: Mapping[str, object], why: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=why):
        trained("guess", words, tmp_path / "run")


def test_the_names_that_settings_offer_are_those_of_the_functions() -> None:
    assert get_args(PairLoss) == tuple(KINDS)
    assert get_args(Rule) == get_args(trees.Rule)
    assert get_args(LiPO.__dataclass_fields__["rank"].type) == tuple(listwise.KINDS)
    assert get_args(TPO.__dataclass_fields__["step_weight"].type) == get_args(StepWeight)


def test_every_algorithm_on_preferences_is_here() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    families = (
        "dpo",
        "step_dpo",
        "mcts_dpo",
        "sparsepo",
        "modpo",
        "iterates",
        "unpaired",
        "listwise",
        "tpo",
        "self_play",
        "rto",
    )
    ours = {
        name for name, where in declared["agentrl.algos"].items()
        if where.partition(":")[0].partition(".")[2] in families
    }  # fmt: skip
    assert ours == {*ALGOS, "rto", "tgdpo"}

"""Every algorithm on preferences trains three iterations on two environments, from settings to report."""

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import pytest

from agentrl.losses.pairwise import KINDS
from agentrl_algos.dpo import PairLoss
from tests.e2e.test_online import WORLDS, trained

ALGOS: dict[str, Mapping[str, object]] = {
    "dpo": {"algo.margin": 0.0, "ches": True},
    "step_dpo": {"points": 3},
    "step_apo": {},
}


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", ALGOS)
def test_three_iterations_move_the_weights(name: str, world: str, tmp_path: Path) -> None:
    lines = trained(world, {"algo": name, **ALGOS[name]}, tmp_path / "run")
    assert [line["iteration"] for line in lines] == [1, 2, 3]
    assert all(line["token_violations"] == 0 for line in lines)
    print(name, world, lines[-1])
    assert any(line.get("grad_norm", 0) > 0 for line in lines), "nothing was learnt"


def test_the_pair_losses_that_settings_offer_are_those_of_the_table() -> None:
    assert get_args(PairLoss) == tuple(KINDS)

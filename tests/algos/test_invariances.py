"""An algorithm's declared invariances hold, and what it does not declare does not."""

from dataclasses import replace

import pytest
import torch

from agentrl.algo import Algorithm, TokenCredit, TurnCredit
from agentrl.batch import TokenTable, token_table
from agentrl_algos.gigpo import GiGPO
from agentrl_algos.grpo import GRPO
from agentrl_algos.ppo import PPO
from tests.agentrl.examples import episodes

ALGOS: dict[str, Algorithm] = {
    "grpo": GRPO(),
    "grpo without penalty": GRPO(invalid_penalty=0.0),
    "grpo without std": GRPO(scale="none"),
    "gigpo": GiGPO(),
    "gigpo without penalty": GiGPO(invalid_penalty=0.0),
    "gigpo without std or penalty": GiGPO(scale="none", invalid_penalty=0.0),
    "ppo": PPO(),
    "ppo with discounts": PPO(gamma=0.99, lam=0.95),
}


def changed(table: TokenTable, what: str) -> TokenTable:
    """Return the table with 3 added to each last turn's reward, or with every reward four times as large."""
    turns, ret = table.turns, table.trajectories.ret
    if what == "shift":
        reward, ret = turns.reward + 3.0 * turns.last, ret + 3.0
    else:
        reward, ret = 4.0 * turns.reward, 4.0 * ret
    return replace(
        table, turns=replace(turns, reward=reward), trajectories=replace(table.trajectories, ret=ret)
    )


def credit(algo: Algorithm, table: TokenTable) -> torch.Tensor:
    values = torch.linspace(-1, 1, len(table), dtype=torch.float64)
    found = algo.credit(table.with_columns(values_old=values))
    assert isinstance(found, TurnCredit | TokenCredit)
    return found.value


@pytest.mark.parametrize("what", ["shift", "scale"])
@pytest.mark.parametrize("name", ALGOS)
def test_credit_is_invariant_to_what_is_declared_and_to_nothing_else(name: str, what: str) -> None:
    algo, table = ALGOS[name], token_table(episodes(16, seed=3))
    before, after = credit(algo, table), credit(algo, changed(table, what))
    same = torch.allclose(before, after, atol=1e-4, rtol=1e-4)
    assert same == (what in algo.invariances)

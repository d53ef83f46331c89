"""The credit that the page shows: -dLoss/dlogp, by autograd on the vector of log-probabilities alone."""

import pytest
import torch
from torch import Tensor

from agentrl.algo import Algorithm, AlgoState, Losses
from agentrl.batch import TokenTable, episode_pairs, token_table
from agentrl.credit.selection import comparisons
from agentrl.learner.seen import push, seen, with_credit
from agentrl_algos.dpo import DPO
from agentrl_algos.gigpo import GiGPO
from agentrl_algos.grpo import GSPO, DrGRPO
from agentrl_algos.ppo import PPO
from tests.agentrl.examples import episodes


def prepared(algo: Algorithm) -> TokenTable:
    """Return a table with every column that is fixed before the first step."""
    table = token_table(episodes(16, seed=3)).to(torch.float64)
    generator = torch.Generator().manual_seed(1)
    drawn = -torch.rand(len(table), generator=generator, dtype=torch.float64)
    old = table.logp_behaviour
    table = table.with_columns(logp_old=old, logp_ref=drawn, values_old=drawn.clone())
    return with_credit(table, algo.credit(table), torch.float64)


def asked(table: TokenTable, algo: Algorithm, budget: int) -> dict[str, Tensor]:
    def columns(rows: Tensor, tokens: Tensor) -> dict[str, Tensor]:
        return {"logp": table.logp_old[tokens], "values": table.values_old[tokens]}

    return seen(algo, table, algo.start(), columns, budget)


@pytest.mark.parametrize("algo", [GiGPO(kl=0.0), DrGRPO(), PPO(), GSPO()], ids=lambda algo: algo.name)
def test_the_push_of_a_policy_gradient_is_its_credit(algo: Algorithm) -> None:
    table = prepared(algo)
    found = asked(table, algo, 10_000)
    assert table.credit.abs().sum() > 0
    torch.testing.assert_close(found["push"], table.credit)


def test_a_penalty_pushes_too() -> None:
    algo = GiGPO(kl=0.1)
    table = prepared(algo)
    found = asked(table, algo, 10_000)
    assert not torch.allclose(found["push"], table.credit)


def test_terms_of_the_credit_are_shown_and_add_up() -> None:
    found = asked(prepared(GiGPO()), GiGPO(), 10_000)
    torch.testing.assert_close(found["part/episode"] + found["part/step"], found["credit"])
    assert found["part/step"].abs().sum() > 0


def test_how_the_table_is_cut_for_the_models_changes_nothing() -> None:
    for algo in (GiGPO(), GSPO(), PPO()):
        table = prepared(algo)
        whole, cut = asked(table, algo, 10_000), asked(table, algo, 40)
        assert whole.keys() == cut.keys()
        for name in whole:
            torch.testing.assert_close(whole[name], cut[name])


def test_the_push_of_a_preference_is_beta_sigmoid_of_minus_its_margin() -> None:
    algo = DPO(beta=0.3)
    table = prepared(algo)
    ends = comparisons(table.trajectories.ret, table.trajectories.group, "best_worst")
    paired = episode_pairs(table, *ends)
    assert paired is not None and paired.pairs is not None
    found = asked(paired, algo, 40)["push"]
    ratio = (paired.logp_old - paired.logp_ref).cumsum(0)
    ratio = torch.cat([torch.zeros(1, dtype=torch.float64), ratio])
    for one, other in zip(paired.pairs.chosen.tolist(), paired.pairs.rejected.tolist(), strict=True):
        margin = (ratio[one[1]] - ratio[one[0]]) - (ratio[other[1]] - ratio[other[0]])
        wanted = 0.3 * torch.sigmoid(-0.3 * margin)
        torch.testing.assert_close(found[one[0] : one[1]], wanted.expand(one[1] - one[0]))
        torch.testing.assert_close(found[other[0] : other[1]], -wanted.expand(other[1] - other[0]))


class Quiet(Algorithm):
    """Minimises what no log-probability changes."""

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return a loss that stands."""
        return Losses(table.logp_old)


def test_a_loss_that_does_not_read_log_probabilities_pushes_nothing() -> None:
    table = prepared(GiGPO())
    assert push(Quiet(), table.with_columns(logp=table.logp_old), {}) == {}
    assert "push" not in asked(table, Quiet(), 40)

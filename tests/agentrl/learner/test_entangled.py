"""How the gradients of both sides of pairs lie to each other."""

import pytest
import torch

from agentrl.batch import TokenTable, episode_pairs, token_table
from agentrl.learner.entangled import entangled
from agentrl.learner.model import Policy, forward
from agentrl.learner.step import Learner
from agentrl.settings import LearnerSettings
from agentrl_algos.dpo import DPO
from tests.agentrl.examples import FakeTokenizer, episodes, model


def compared(chosen: list[int], rejected: list[int]) -> TokenTable:
    table = token_table(episodes(6, seed=2)).to(torch.float64)
    found = episode_pairs(table, torch.tensor(chosen), torch.tensor(rejected))
    assert found is not None
    return found


def sides(policy: Policy, table: TokenTable) -> list[float]:
    """Return the mean log-probability of the chosen and of the rejected sides."""
    assert table.pairs is not None
    everything = torch.arange(len(table))
    with torch.no_grad():
        logp = forward(policy, table, torch.unique(table.row), everything, frozenset({"logp"}))["logp"]
    both = table.pairs.chosen, table.pairs.rejected
    return [float(torch.stack([logp[a:b].sum() for a, b in spans.tolist()]).mean()) for spans in both]


def test_the_shares_say_how_both_sides_move_with_a_small_step_on_the_margin() -> None:
    policy, table = Policy(model(), FakeTokenizer()), compared([0, 2], [1, 3])
    found = entangled(policy, table, 48)
    assert found == pytest.approx(entangled(policy, table, 1000)), "whatever the micro-batches"
    assert all(p.grad is None for p in policy.module.parameters())
    before = sides(policy, table)
    everything = torch.arange(len(table))
    logp = forward(policy, table, torch.unique(table.row), everything, frozenset({"logp"}))["logp"]
    assert table.pairs is not None
    parts = [
        torch.stack([logp[a:b].sum() for a, b in spans.tolist()]).mean()
        for spans in (table.pairs.chosen, table.pairs.rejected)
    ]
    (parts[0] - parts[1]).backward()
    norms = 0.0
    with torch.no_grad():
        for p in policy.module.parameters():
            p += 1e-7 * p.grad
            norms += float((p.grad**2).sum())
    moved = [(after - early) / 1e-7 for after, early in zip(sides(policy, table), before, strict=True)]
    # |g_w|^2 (1 - share_w) and |g_l|^2 (share_l - 1) add up to the squared norm of the margin's gradient.
    assert moved[0] - moved[1] == pytest.approx(norms, rel=1e-3)
    assert (moved[0] > 0) == (found["entanglement_chosen"] < 1)
    assert (moved[1] > 0) == (found["entanglement_rejected"] > 1)
    assert moved[0] / (1 - found["entanglement_chosen"]) > 0


def test_it_is_logged_where_it_is_asked_for() -> None:
    table = compared([0, 2], [1, 3])
    for asked in (True, False):
        learner = Learner(Policy(model(), FakeTokenizer()), DPO(entangled=asked), LearnerSettings(), 1)
        assert ("entanglement_chosen" in learner.learn(table, {}, 0, 0)) == asked

"""The optimiser step: the same whatever the micro-batch split, for separable and coupled losses."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch

from agentrl.algo import Algorithm, AlgoState, Losses, Plan, Preference, Stored
from agentrl.batch import TokenTable, preference_table, token_table
from agentrl.errors import RunError
from agentrl.learner.model import Policy, compute, likeliest
from agentrl.learner.step import Learner
from agentrl.settings import LearnerSettings
from agentrl_algos.dpo import DPO
from agentrl_algos.gigpo import GiGPO
from agentrl_algos.grpo import GRPO
from agentrl_algos.opd import KEPO, OPD
from agentrl_algos.oreo import OREO
from agentrl_algos.ppo import PPO
from agentrl_algos.sft import SFT
from tests.agentrl.examples import FakeTokenizer, episodes, model
from tests.agentrl.test_batch import small_tree

ALGOS: dict[str, Algorithm] = {
    "gigpo": GiGPO(entropy=0.02, kl=0.05),
    "grpo": GRPO(kl=0.05),
    "ppo": PPO(entropy=0.01),
    "opd over three tokens": OPD(teacher="given", support=3),
    "kepo over all tokens": KEPO(teacher="given", support=0, tau=-9.0),
    "sft": SFT(),
    "dpo": DPO(),
    "oreo": OREO(),
    "oreo_response": OREO(level="response"),
    "oreo_step": OREO(level="step"),
}


def table_for(algo: Algorithm, window: bool) -> TokenTable:
    if algo.unit == "pair":
        return preference_table([small_tree(window)], [[Preference(1, 0), Preference(2, 3)]])
    return token_table(episodes(window=window))


def after_one_step(
    algo: Algorithm, *, budget: int, window: bool = True, critic: str = "separate"
) -> dict[str, Any]:
    policy = Policy(model(), FakeTokenizer())
    settings = LearnerSettings(lr=0.05, lr_critic=0.05, microbatch_tokens=budget, critic=critic)  # type: ignore[arg-type]
    reference = Policy(model(seed=1), FakeTokenizer()).frozen_copy()
    teacher = Policy(model(seed=2), FakeTokenizer()).frozen_copy()
    others: dict[str, Any] = {"reference": reference, "teacher": teacher}
    learner = Learner(policy, algo, settings, 10, trust_sampler=False, **others)
    metrics = learner.learn(table_for(algo, window), algo.start(), 0, 0)
    weights = {f"policy.{k}": v.clone() for k, v in policy.module.state_dict().items()}
    if learner.critic is not None:
        weights |= {f"critic.{k}": v.clone() for k, v in learner.critic.state_dict().items()}
    return {"weights": weights, "metrics": metrics}


@pytest.mark.parametrize("name", ALGOS)
@pytest.mark.parametrize("window", [True, False])
def test_the_step_does_not_depend_on_the_split(name: str, window: bool) -> None:
    whole = after_one_step(ALGOS[name], budget=10**6, window=window)
    start = model().state_dict()
    assert any(not torch.equal(whole["weights"][f"policy.{k}"], v) for k, v in start.items()), (
        "nothing was trained"
    )
    for budget in (1, 23, 60):
        cut = after_one_step(ALGOS[name], budget=budget, window=window)
        for key, value in whole["weights"].items():
            torch.testing.assert_close(cut["weights"][key], value, atol=1e-9, rtol=0)
        for key, value in whole["metrics"].items():
            assert cut["metrics"][key] == pytest.approx(value, abs=1e-9), key


def test_a_value_head_learns_too_and_does_not_depend_on_the_split() -> None:
    whole, cut = (after_one_step(PPO(), budget=b, critic="head") for b in (10**6, 23))
    for key, value in whole["weights"].items():
        torch.testing.assert_close(cut["weights"][key], value, atol=1e-9, rtol=0)


def test_a_row_cut_into_segments_is_the_same_trajectory_to_credit() -> None:
    """Window and transcript tables of the same episodes differ in rows and in nothing that credit reads."""
    window, transcript = (token_table(episodes(window=w)) for w in (True, False))
    for algo in (GiGPO(), GRPO()):
        assert torch.equal(algo.credit(window).value, algo.credit(transcript).value)
    values = torch.randn(len(window), dtype=torch.float64)
    one, two = (PPO().credit(t.with_columns(values_old=values)).value for t in (window, transcript))
    assert torch.equal(one, two)


@pytest.mark.parametrize("name", ["gigpo", "grpo", "ppo"])
def test_credit_is_minus_the_derivative_of_the_loss_times_its_denominator(name: str) -> None:
    algo = replace(ALGOS[name], kl=0.0, entropy=0.0)  # type: ignore[type-var]
    policy = Policy(model(), FakeTokenizer())
    learner = Learner(policy, algo, LearnerSettings(), 10, trust_sampler=False)
    table = learner.prepare(token_table(episodes()))
    logp = table.logp_old.clone().requires_grad_()
    values = table.columns.get("values_old", logp.detach()).clone()
    losses = algo.loss(table.with_columns(logp=logp, values=values), {})
    assert losses.policy is not None
    (slope,) = torch.autograd.grad(losses.policy.sum(), logp)
    torch.testing.assert_close(-slope, table.credit)


def test_epochs_and_minibatches_each_take_an_optimiser_step() -> None:
    policy = Policy(model(), FakeTokenizer())
    learner = Learner(
        policy, GRPO(), LearnerSettings(lr=1e-3, epochs=2, minibatches=3), 10, trust_sampler=False
    )
    learner.learn(token_table(episodes()), {}, 0, 0)
    assert learner.steps == 6


@dataclass(frozen=True, slots=True)
class Broken(Algorithm):
    """An algorithm whose loss is not a number."""

    name = "broken"

    def collect(self) -> Plan:
        return Stored("demonstrator", 1, 1)

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        return Losses(policy=table.logp * torch.nan)


def test_a_gradient_that_is_not_finite_stops_the_run_before_any_weight_moves() -> None:
    policy = Policy(model(), FakeTokenizer())
    before = {k: v.clone() for k, v in policy.module.state_dict().items()}
    learner = Learner(policy, Broken(), LearnerSettings(lr=1.0), 10)
    with pytest.raises(RunError, match="not finite at iteration 0"):
        learner.learn(token_table(episodes()), {}, 0, 0)
    for key, value in policy.module.state_dict().items():
        assert torch.equal(value, before[key])


def test_log_probabilities_are_those_of_a_plain_forward_pass() -> None:
    policy = Policy(model(), FakeTokenizer())
    table = token_table(episodes(window=False))
    found = compute(policy, table, frozenset({"logp", "entropy"}), 40)
    for i in range(len(table)):
        row = torch.tensor(list(table.rows[int(table.row[i])]))[None]
        logits = policy.module(row).logits[0, int(table.column[i]) - 1].double()
        assert found["logp"][i] == pytest.approx(logits.log_softmax(-1)[table.ids[i]].item(), abs=1e-9)
        entropy = torch.distributions.Categorical(logits=logits).entropy()
        assert found["entropy"][i] == pytest.approx(float(entropy), abs=1e-9)


def test_the_likeliest_tokens_and_their_log_probabilities_are_those_of_a_plain_forward_pass() -> None:
    policy = Policy(model(), FakeTokenizer())
    table = token_table(episodes(window=False))
    table = table.with_columns(support=likeliest(policy, table, 3, 40))
    found = compute(policy, table, frozenset({"logp_support"}), 40)["logp_support"]
    for i in range(len(table)):
        row = torch.tensor(list(table.rows[int(table.row[i])]))[None]
        best = policy.module(row).logits[0, int(table.column[i]) - 1].double().log_softmax(-1).topk(3)
        assert torch.equal(table.get("support")[i], best.indices)
        assert torch.allclose(found[i], best.values, atol=1e-9)

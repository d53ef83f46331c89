"""The learner weighs tokens for the difference of sampler and trainer: once, whatever the split."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from agentrl.algo import Algorithm, TokenCredit
from agentrl.batch import TokenTable, token_table
from agentrl.learner.mismatch import Correction
from agentrl.learner.model import Policy, compute
from agentrl.learner.step import Learner
from agentrl.settings import LearnerSettings, RolloutSettings
from agentrl_algos.gigpo import GiGPO
from agentrl_algos.grpo import GRPO
from agentrl_algos.oreo import OREO
from agentrl_algos.ppo import PPO
from tests.agentrl.examples import FakeTokenizer, episodes, model

CORRECTIONS: dict[str, Correction] = {
    "truncate": Correction("truncate", cap=1.1),
    "truncate_sequence": Correction("truncate", "sequence", normalize=True),
    "mask": Correction("mask", cap=1.5, floor=0.3),
    "mask_sequence": Correction("mask", "sequence"),
    "reject": Correction(reject="seq_mean_k3", reject_at=0.3),
    "reject_tokens": Correction("truncate", reject="token_k1", reject_at=2.0),
}


def sampled_nearby() -> TokenTable:
    """Return episodes whose sampler was another program: 0.7 nats off at a token, either way."""
    table = token_table(episodes())
    own = compute(Policy(model(), FakeTokenizer()), table, frozenset({"logp"}), 10**6)["logp"]
    noise = torch.randn(len(own), dtype=own.dtype, generator=torch.Generator().manual_seed(0))
    return table.with_columns(logp_behaviour=(own + 0.7 * noise).clamp(max=0.0))


class CreditGiven(GRPO):
    """GRPO that leaves the credit as it is in the table."""

    def credit(self, table: TokenTable) -> TokenCredit:
        return TokenCredit(table.get("credit"))


def after_one_step(
    correction: Correction,
    *,
    algo: Algorithm | None = None,
    budget: int = 10**6,
    trust: bool = False,
    fresh: bool = True,
    table: TokenTable | None = None,
    **settings: Any,
) -> tuple[dict[str, Tensor], dict[str, float]]:
    learner = Learner(
        Policy(model(), FakeTokenizer()),
        algo or PPO(entropy=0.01),
        LearnerSettings(lr=0.05, lr_critic=0.05, microbatch_tokens=budget, **settings),
        10,
        trust,
        correction=correction,
    )
    metrics = learner.learn(table or sampled_nearby(), learner.algo.start(), 0, 0, fresh=fresh)
    weights = dict(learner.policy.module.state_dict())
    if learner.critic is not None:
        weights |= {f"critic.{name}": w for name, w in learner.critic.state_dict().items()}
    return weights, metrics


@pytest.mark.parametrize("name", CORRECTIONS)
@pytest.mark.parametrize("algo", [PPO(entropy=0.01), GRPO(), GiGPO()], ids=lambda algo: algo.name)
def test_the_step_does_not_depend_on_the_split(name: str, algo: Algorithm) -> None:
    whole, metrics = after_one_step(CORRECTIONS[name], algo=algo)
    plain, _ = after_one_step(Correction(), algo=algo)
    assert any(not torch.equal(whole[k], plain[k]) for k in plain), "the correction changed nothing"
    assert metrics["correction_clipped"] + metrics["correction_rejected"] > 0
    assert metrics["correction_rejected"] < 1
    for budget in (1, 23, 60):
        weights, cut = after_one_step(CORRECTIONS[name], algo=algo, budget=budget)
        for key, value in whole.items():
            torch.testing.assert_close(weights[key], value, atol=1e-9, rtol=0)
        for key, number in metrics.items():
            assert cut[key] == pytest.approx(number, abs=1e-9), key


def weighed(correction: Correction, table: TokenTable) -> Tensor:
    return correction.weigh(table)[0].get("correction")


@pytest.fixture
def table() -> TokenTable:
    learner = Learner(Policy(model(), FakeTokenizer()), GRPO(), LearnerSettings(), 10, trust_sampler=False)
    return learner.prepare(sampled_nearby())


def test_weights_are_trainer_over_sampler_of_the_iterations_first_policy(table: TokenTable) -> None:
    ratio = (table.logp_old - table.logp_behaviour).exp()
    torch.testing.assert_close(weighed(Correction("truncate"), table), ratio.clamp(max=2.0))
    torch.testing.assert_close(weighed(Correction("mask"), table), ratio * (ratio <= 3.0))
    bounded = weighed(Correction("mask", cap=1.0, floor=0.5), table)
    torch.testing.assert_close(bounded, ratio * (ratio <= 1.0) * (ratio >= 0.5))


def test_a_sequence_is_an_episode_with_all_its_turns(table: TokenTable) -> None:
    weight = weighed(Correction("truncate", "sequence", cap=1e6), table)
    for number in table.trajectory.unique():
        mine = table.trajectory == number
        product = (table.logp_old - table.logp_behaviour)[mine].sum().exp()
        torch.testing.assert_close(weight[mine], product.expand(int(mine.sum())))


def test_a_silent_token_stays_in_the_denominators_and_a_rejected_one_does_not(table: TokenTable) -> None:
    silenced, metrics = Correction("mask").weigh(table)
    assert len(silenced) == len(table)
    assert metrics["correction_rejected"] > 0
    assert metrics["correction_rejected"] == pytest.approx(
        float((silenced.get("correction") == 0).double().mean())
    )
    kept, metrics = Correction(reject="token_k1", reject_at=2.0).weigh(table)
    assert metrics["correction_rejected"] == pytest.approx(1 - len(kept) / len(table))
    assert 0 < len(kept) < len(table)
    ratio = (kept.logp_old - kept.logp_behaviour).exp()
    assert ratio.max() <= 2.0 and ratio.min() >= 0.5


def test_the_metrics_are_the_gap_the_effective_sample_size_and_the_shares(table: TokenTable) -> None:
    _, metrics = Correction("truncate").weigh(table)
    gap = table.logp_old - table.logp_behaviour
    ratio = gap.exp()
    assert metrics == pytest.approx({
        "logprob_gap_mean": float(gap.abs().mean()),
        "logprob_gap_max": float(gap.abs().max()),
        "correction_ess": float(ratio.sum() ** 2 / (len(ratio) * (ratio**2).sum())),
        "correction_clipped": float((ratio > 2.0).double().mean()),
        "correction_rejected": 0.0,
    })  # fmt: skip


def test_equal_log_probabilities_leave_every_weight_1(table: TokenTable) -> None:
    table = table.with_columns(logp_behaviour=table.logp_old)
    for correction in CORRECTIONS.values():
        same, metrics = replace(correction, cap=None, reject_at=1.5).weigh(table)
        assert torch.equal(same.get("correction"), torch.ones_like(table.logp_old))
        assert (metrics["correction_ess"], metrics["correction_rejected"]) == (pytest.approx(1.0), 0.0)


def test_where_the_sampler_is_the_old_policy_nothing_is_weighted_but_the_difference_is_told() -> None:
    plain, _ = after_one_step(Correction(), trust=True)
    weights, metrics = after_one_step(CORRECTIONS["truncate"], trust=True, budget=23)
    for key in plain:
        torch.testing.assert_close(weights[key], plain[key], atol=1e-9, rtol=0)
    _, compared = after_one_step(Correction())
    for name in ("logprob_gap_mean", "logprob_gap_max", "correction_ess"):
        assert metrics[name] == pytest.approx(compared[name], abs=1e-9)
    assert metrics["correction_clipped"] == metrics["correction_rejected"] == 0.0


def test_the_gradient_is_multiplied_by_the_weight(table: TokenTable) -> None:
    """A sampler that gives every token 1/1.5 of its probability: every weight is 1.5, below the cap."""
    table = table.with_columns(logp_behaviour=table.logp_old - math.log(1.5))
    _, plain = after_one_step(Correction(), algo=GRPO(), table=table)
    _, weighted = after_one_step(Correction("truncate"), algo=GRPO(), table=table)
    assert plain["grad_norm"] > 0
    assert weighted["grad_norm"] == pytest.approx(1.5 * plain["grad_norm"])


def test_rejecting_an_episode_is_learning_without_it(table: TokenTable) -> None:
    """Its tokens count in no denominator; its reward still counts in its group."""
    far = table.trajectory == 3
    table = table.with_columns(logp_behaviour=table.logp_old - 2.0 * far)
    _, rejected = after_one_step(Correction(reject="seq_mean_k2", reject_at=1.0), algo=GRPO(), table=table)
    assert rejected["correction_rejected"] == pytest.approx(float(far.double().mean()))
    rest = table.take(~far)  # with the credit it was given among all
    learner = Learner(Policy(model(), FakeTokenizer()), CreditGiven(), LearnerSettings(), 10, False)
    assert rejected["grad_norm"] == pytest.approx(learner.learn(rest, {}, 0, 0)["grad_norm"])


def test_old_data_is_corrected_too_and_its_age_is_not_called_a_gap() -> None:
    plain, _ = after_one_step(Correction(), fresh=False)
    weights, metrics = after_one_step(CORRECTIONS["truncate"], fresh=False)
    assert any(not torch.equal(weights[k], plain[k]) for k in plain)
    assert metrics["correction_clipped"] > 0 and "correction_ess" in metrics
    assert "logprob_gap_mean" not in metrics


def test_the_critic_is_not_weighted() -> None:
    plain, _ = after_one_step(Correction())
    weights, _ = after_one_step(CORRECTIONS["truncate"])
    for key in (k for k in plain if k.startswith("critic.")):
        assert torch.equal(weights[key], plain[key])


def test_coupled_losses_are_left_alone() -> None:
    plain, _ = after_one_step(Correction(), algo=OREO())
    weights, _ = after_one_step(CORRECTIONS["reject"], algo=OREO())
    assert all(torch.equal(weights[k], plain[k]) for k in plain)


@pytest.mark.parametrize("epochs", [1, 2])
def test_weights_are_those_of_before_the_first_optimiser_step(epochs: int) -> None:
    """Every minibatch and epoch compares with the same old policy, so its weights stay too."""
    _, once = after_one_step(CORRECTIONS["truncate"], epochs=epochs, minibatches=3)
    _, whole = after_one_step(CORRECTIONS["truncate"])
    for name in ("logprob_gap_mean", "correction_ess", "correction_clipped"):
        assert once[name] == pytest.approx(whole[name], abs=1e-12)


def test_an_iteration_of_which_everything_is_rejected_moves_nothing() -> None:
    far = Correction(reject="seq_sum_k2", reject_at=1e-9)
    weights, metrics = after_one_step(far)
    assert metrics["correction_rejected"] == 1.0 and metrics["tokens"] > 0
    assert all(torch.equal(weights[k], w) for k, w in model().state_dict().items())


def test_settings_say_which_correction_is_made() -> None:
    assert Correction.of(RolloutSettings()) == Correction()
    assert Correction.of(RolloutSettings(backend="vllm")) == Correction("truncate")
    assert Correction.of(RolloutSettings(backend="vllm", correction="none")) == Correction()
    assert Correction.of(
        RolloutSettings(old="recompute", correction="mask", correction_level="sequence", correction_cap=5.0,
                        correction_floor=0.2, correction_normalize=True, reject="token_k1", reject_at=4.0)
    ) == Correction("mask", "sequence", 5.0, 0.2, True, "token_k1", 4.0)  # fmt: skip

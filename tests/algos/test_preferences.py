"""Algorithms on preferences, on tables made by hand."""

import math
from dataclasses import replace

import pytest
import torch

from agentrl.algo import Algorithm
from agentrl.batch import TokenTable, episode_pairs, token_table
from agentrl.credit.selection import comparisons
from agentrl.errors import ConfigError
from agentrl_algos.dpo import DPO, TGDPO, PairLoss
from agentrl_algos.listwise import PRO, LiPO
from agentrl_algos.oreo import OREO
from agentrl_algos.self_play import INPO, SPPO, XPO, NashMD, OnlineIPO
from agentrl_algos.step_dpo import StepAPO, StepDPO
from agentrl_algos.tpo import TPO
from agentrl_algos.unpaired import BCO, KTO, REDI, Rejection
from tests.agentrl.examples import episodes

ALGOS: dict[str, Algorithm] = {
    "kto": KTO(), "bco": BCO(), "redi": REDI(), "rejection": Rejection(), "lipo": LiPO(), "pro": PRO(),
    "tpo": TPO(), "tpo by pairs": TPO(rank="pairwise", step_weight="none"), "sppo": SPPO(),
    "online_ipo": OnlineIPO(), "inpo": INPO(), "xpo": XPO(), "nash_md": NashMD(), "oreo": OREO(),
    "oreo with the whole vocabulary": OREO(kl_form="full", clip_log=1.0),
    "kto above the mean": KTO(good_if="above_mean", baseline="none"), "sppo with a judge": SPPO(judge=0.5),
}  # fmt: skip


def ready(seed: int = 3) -> TokenTable:
    """Return a table with every column that an algorithm may ask for."""
    table = token_table(episodes(12, seed=seed))
    generator = torch.Generator().manual_seed(seed)

    def drawn(*more: int) -> torch.Tensor:
        return torch.randn(len(table), *more, generator=generator, dtype=torch.float64)

    vocabulary = {name: drawn(5).log_softmax(-1) for name in ("logp_support", "support_ref")}
    columns = {name: -drawn().abs() for name in ("logp", "logp_ref", "logp_old", "logp_teacher")}
    return table.to(torch.float64).with_columns(**columns, **vocabulary, hidden=drawn(6), values=drawn())


def paired(table: TokenTable) -> TokenTable:
    episodes = table.trajectories
    found = episode_pairs(table, *comparisons(episodes.ret, episodes.group, "all"))
    assert found is not None
    return found


def loss(algo: Algorithm, table: TokenTable) -> tuple[torch.Tensor, torch.Tensor]:
    logp = table.logp.clone().requires_grad_()
    losses = algo.loss(table.with_columns(logp=logp), algo.start())
    assert losses.policy is not None and losses.policy.ndim == 0
    assert not any(value.requires_grad for value in losses.metrics.values())
    return losses.policy.detach(), torch.autograd.grad(losses.policy, logp)[0]


@pytest.mark.parametrize("name", ALGOS)
def test_a_loss_is_a_finite_scalar_that_moves_tokens(name: str) -> None:
    value, slope = loss(ALGOS[name], ready())
    assert torch.isfinite(value) and torch.isfinite(slope).all() and slope.abs().max() > 0


@pytest.mark.parametrize("kind", PairLoss.__args__)
def test_every_pair_loss_trains_from_settings(kind: str) -> None:
    algo = DPO(loss_kind=kind, smoothing=0.1, of="episodes")
    algo.check()
    value, slope = loss(algo, paired(ready()))
    assert torch.isfinite(value) and slope.abs().max() > 0


@pytest.mark.parametrize("name", ["lipo", "pro", "tpo", "tpo by pairs", "sppo", "online_ipo", "inpo", "xpo"])
def test_equal_returns_teach_comparisons_nothing(name: str) -> None:
    table = ready()
    flat = replace(table.trajectories, ret=torch.ones_like(table.trajectories.ret))
    _, slope = loss(ALGOS[name], replace(table, trajectories=flat))
    assert slope.abs().max() == 0


def test_settings_of_nothing_give_back_dpo() -> None:
    table = paired(ready())
    plain = loss(DPO(beta=0.3), table)
    for algo in (
        DPO(beta=0.3, tail=1.0), StepDPO(beta=0.3), StepAPO(beta=0.3, stretch=0.0),
        DPO(beta=0.3, loss_kind="tdpo2", alpha=0.0), TGDPO(beta=0.3, teacher="folder", guidance=0.0),
    ):  # fmt: skip
        for one, other in zip(loss(algo, table), plain, strict=True):
            torch.testing.assert_close(one, other)
    assert loss(StepAPO(beta=0.3), table)[0] != plain[0]
    assert loss(DPO(beta=0.3, tail=0.5), table)[0] != plain[0]
    assert loss(TGDPO(beta=0.3, teacher="folder"), table)[0] != plain[0]


def test_pairs_prone_to_displacement_are_left_out() -> None:
    table = paired(ready())
    assert table.pairs is not None
    whole, half = (DPO(ches=True, ches_drop=share).loss(table, {}).metrics for share in (0.0, 0.5))
    assert whole["pairs"] == len(table.pairs)
    assert half["pairs"] == round(len(table.pairs) / 2)
    assert whole["ches"] == half["ches"] and whole["ches_normalised"] <= 0


def test_pairs_of_episodes_prefer_the_higher_return_in_one_group() -> None:
    ret, group = torch.tensor([1.0, 0.0, 0.5, 3.0, 3.0]), torch.tensor([0, 0, 0, 1, 1])
    assert [x.tolist() for x in comparisons(ret, group, "best_worst")] == [[0], [1]]
    assert [x.tolist() for x in comparisons(ret, group, "all")] == [[0, 0, 2], [1, 2, 1]]
    assert [x.tolist() for x in comparisons(ret, group, "all", gap=0.75)] == [[0], [1]]
    with pytest.raises(ConfigError, match="did you mean 'best_worst'"):
        comparisons(ret, group, "best_wurst")


def test_a_pair_of_episodes_holds_all_their_tokens_and_nothing_else() -> None:
    table = token_table(episodes(8, seed=1))
    found = episode_pairs(table, torch.tensor([0]), torch.tensor([3]))
    assert found is not None and found.pairs is not None
    (one,), (other,) = found.pairs.chosen.tolist(), found.pairs.rejected.tolist()
    for (start, stop), number in ((one, 0), (other, 3)):
        assert torch.equal(found.ids[start:stop], table.ids[table.trajectory == number])
    assert len(found) == one[1] - one[0] + other[1] - other[0]
    assert episode_pairs(table, torch.tensor([2]), torch.tensor([2])) is None


def test_bco_remembers_what_it_saw() -> None:
    algo = BCO(beta=1.0)
    table = ready()
    metrics = {name: float(x.float().mean()) for name, x in algo.loss(table, algo.start()).metrics.items()}
    state = algo.after_step(algo.start(), metrics)
    assert state["count"] == 12
    again = algo.loss(table, state).metrics["shift"]
    assert float(again) == pytest.approx(metrics["shift"], rel=1e-5)


def test_a_win_rate_counts_ties_by_half_and_stays_in_its_task() -> None:
    table = ready()
    found = SPPO().answers(table)
    table_of_two = replace(
        found, ret=torch.tensor([1.0, 5.0, 0.0, 5.0] + [7.0] * 8), group=torch.tensor([0, 1] * 2 + [2] * 8)
    )
    assert SPPO().win_rate(table_of_two).tolist() == pytest.approx([0.75, 0.5, 0.25, 0.5] + [0.5] * 8)
    softer = SPPO(judge=1.0).win_rate(table_of_two)
    assert softer[0] == pytest.approx((0.5 + 1 / (1 + math.exp(-1))) / 2)

"""Algorithms on preferences, on tables made by hand."""

import math
from dataclasses import replace

import pytest
import torch

from agentrl.algo import Algorithm
from agentrl.batch import TokenTable, episode_pairs, token_table
from agentrl.credit.selection import comparisons
from agentrl.errors import ConfigError, RunError
from agentrl_algos.dpo import DPO, TGDPO, PairLoss
from agentrl_algos.iterates import DNO, SPIN
from agentrl_algos.listwise import PRO, LiPO
from agentrl_algos.modpo import MODPO
from agentrl_algos.oreo import OREO
from agentrl_algos.self_play import EGPO, INPO, SPPO, XPO, NashMD, OnlineIPO
from agentrl_algos.sparsepo import SparsePO
from agentrl_algos.step_dpo import StepAPO, StepDPO
from agentrl_algos.tpo import TPO
from agentrl_algos.unpaired import BCO, KTO, REDI, Rejection
from tests.agentrl.examples import episodes

ALGOS: dict[str, Algorithm] = {
    "kto": KTO(), "bco": BCO(), "redi": REDI(), "rejection": Rejection(), "lipo": LiPO(), "pro": PRO(),
    "tpo": TPO(), "tpo by pairs": TPO(rank="pairwise", step_weight="none"), "sppo": SPPO(),
    "online_ipo": OnlineIPO(), "egpo": EGPO(), "inpo": INPO(), "xpo": XPO(),
    "nash_md": NashMD(), "oreo": OREO(),
    "oreo with the whole vocabulary": OREO(kl_form="full", clip_log=1.0),
    "modpo": MODPO(), "dno": DNO(good=0.0, gap=0.0, gap_own=0.0), "dno, ideal": DNO(form="ideal"),
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
    more = {"hidden": drawn(6), "values": drawn(), "activation_ref": drawn()}
    return table.to(torch.float64).with_columns(**columns, **vocabulary, **more)


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


def test_sparsepo_is_tdpo_with_masks_of_ones_and_dpo_with_no_mask_on_divergences() -> None:
    table = paired(ready())
    for masks, plain in (
        ({"mask": "ones"}, DPO(loss_kind="tdpo1")),
        ({"mask": "ones", "mask_kl": "ones"}, DPO(loss_kind="tdpo1")),
        ({"mask": "ones", "mask_kl": "none"}, DPO()),
    ):
        for one, other in zip(loss(SparsePO(**masks), table), loss(plain, table), strict=True):
            torch.testing.assert_close(one, other)
    sparse, slope = loss(SparsePO(), table)
    assert sparse != loss(DPO(loss_kind="tdpo1"), table)[0]
    least = table.get("activation_ref") == torch.tensor(
        [table.get("activation_ref")[table.turn == t].min() for t in table.turn]
    )
    single = torch.tensor([int((table.turn == t).sum()) == 1 for t in table.turn])
    assert slope[least & ~single].abs().max() == 0, "the least active token of a turn is masked"


def test_modpo_with_one_reward_alone_is_dpo() -> None:
    table = ready()
    best = replace(table, pairs=None)
    pairs = episode_pairs(
        best, *comparisons(table.trajectories.ret, table.trajectories.group, "best_worst", 0.05)
    )
    assert pairs is not None
    wanted = loss(DPO(beta=0.3), pairs)[0]
    assert loss(MODPO(beta=0.3, weight=1.0), table)[0] == pytest.approx(float(wanted))
    other = {**table.trajectories.parts, "tone": torch.linspace(0, 1, 12, dtype=torch.float64)}
    toned = replace(table, trajectories=replace(table.trajectories, parts=other))
    assert loss(MODPO(beta=0.3, weight=1.0), toned)[0] == pytest.approx(float(wanted))
    assert loss(MODPO(beta=0.3, weight=0.5), toned)[0] != pytest.approx(float(wanted))
    with pytest.raises(RunError, match="did you mean 'task'"):
        loss(MODPO(main="tasks"), table)


def shown(table: TokenTable, *which: int) -> TokenTable:
    marks = torch.full((len(table.trajectories),), math.nan, dtype=torch.float64)
    marks[list(which)] = 1.0
    return replace(table, trajectories=replace(table.trajectories, measures={"demonstration": marks}))


def test_spin_is_dpo_of_demonstrations_against_own_episodes_by_the_iterate_that_played() -> None:
    table = ready()
    names = [int(g) for g in table.trajectories.group]
    first, second = 0, [i for i in range(12) if names[i] == names[0] and i]
    pairs = episode_pairs(table, torch.full((len(second),), first), torch.tensor(second))
    assert pairs is not None
    wanted = loss(DPO(beta=0.1), pairs.with_columns(logp_ref=pairs.logp_old))[0]
    assert loss(SPIN(), shown(table, 0))[0] == pytest.approx(float(wanted))
    assert loss(SPIN(), table)[1].abs().max() == 0, "nothing was demonstrated"


def test_dno_compares_what_is_good_with_what_is_clearly_worse() -> None:
    table = ready()
    score = torch.tensor([1.0, 0.9, 0.7, 0.2] * 3, dtype=torch.float64)
    group = torch.arange(3).repeat_interleave(4)
    table = replace(table, trajectories=replace(table.trajectories, score=score, ret=score, group=group))
    # Own ones need a gap of 0.16 (1.0 to 0.7 and 0.2, 0.9 to 0.7 and 0.2), demonstrations one of 0.33.
    assert DNO().loss(table, {}).metrics["pairs"] == 3 * 4
    assert DNO().loss(shown(table, 0, 1, 4, 5, 8, 9), {}).metrics["pairs"] == 3 * 2
    sure = DNO(form="ideal", judge=1e-9)
    assert DNO(good=0.0, gap=0.0, gap_own=0.0).loss(table, {}).metrics["pairs"] == 3 * 6
    assert sure.loss(table, {}).metrics["pairs"] == 3 * 6


def test_wpo_weighs_pairs_by_how_likely_the_policy_is_to_have_written_them() -> None:
    table = paired(ready())
    even = table.with_columns(
        logp_support=torch.full((len(table), 5), -math.log(5), dtype=torch.float64),
        logp=torch.full((len(table),), -math.log(5), dtype=torch.float64),
    )
    for one, other in zip(loss(DPO(wpo=True), even), loss(DPO(), even), strict=True):
        torch.testing.assert_close(one, other)
    unlikely = even.with_columns(logp=even.logp - 0.5)
    assert loss(DPO(wpo=True), unlikely)[0] == pytest.approx(float(loss(DPO(), unlikely)[0]) * math.exp(-1.0))


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

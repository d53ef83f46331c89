"""An algorithm's declared invariances hold, and what it does not declare does not."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from agentrl.algo import Algorithm, Play, TokenCredit, TurnCredit
from agentrl.batch import TokenTable, token_table
from agentrl.table import Pairs
from agentrl_algos.baselines import Expert, Random
from agentrl_algos.copg import CoPG
from agentrl_algos.copo import COPO
from agentrl_algos.dapo import DAPO
from agentrl_algos.disco import DisCO
from agentrl_algos.dpo import DPO, TGDPO
from agentrl_algos.experimental import R2VPO, Fiber, SeedGRPO
from agentrl_algos.g2po import G2PO
from agentrl_algos.gigpo import GiGPO
from agentrl_algos.graphgpo import GraphGPO
from agentrl_algos.grpo import CISPO, GRPO, GRPOD, GSPO, DrGRPO
from agentrl_algos.hgpo import HGPO
from agentrl_algos.iterates import DNO, SPIN
from agentrl_algos.listwise import PRO, LiPO
from agentrl_algos.mcts_dpo import MCTSDPO, AgentQ, TreePairs
from agentrl_algos.modpo import MODPO
from agentrl_algos.multi_objective import MultiObjective
from agentrl_algos.opd import KEPO, OPD
from agentrl_algos.oreo import OREO
from agentrl_algos.otc import OTCGRPO, OTCPPO, ToolRL
from agentrl_algos.ppo import PFPPO, PPO
from agentrl_algos.proxmo import ProxMO
from agentrl_algos.reinforce import REINFORCE, RLOO, REINFORCEpp
from agentrl_algos.rto import RTO
from agentrl_algos.self_play import EGPO, INPO, SPPO, XPO, NashMD, OnlineIPO
from agentrl_algos.sft import SFT
from agentrl_algos.sparsepo import SparsePO
from agentrl_algos.step_dpo import StepAPO, StepDPO
from agentrl_algos.tpo import TPO
from agentrl_algos.trpa import TRPA
from agentrl_algos.unpaired import BCO, KTO, REDI, Rejection
from agentrl_algos.vetta import VETTA
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
    "ppo by turn": PPO(level="turn"),
    "ppo by turn with discounts": PPO(level="turn", gamma=0.95, lam=0.95),
    "ppo on two levels": PPO(level="bilevel"),
    "pf_ppo": PFPPO(),
    "otc_grpo": OTCGRPO(),
    "otc_grpo without penalty": OTCGRPO(invalid_penalty=0.0),
    "otc_grpo, clipped": OTCGRPO(clip_correct_advantage=True),
    "otc_ppo": OTCPPO(),
    "toolrl": ToolRL(),
    "toolrl without a reference": ToolRL(kl=0.0),
    "drgrpo": DrGRPO(),
    "gspo": GSPO(),
    "cispo": CISPO(),
    "grpo_d": GRPOD(),
    "dapo": DAPO(),
    "dapo without prices": DAPO(overlong_buffer=0.0, invalid_penalty=0.0),
    "rloo": RLOO(),
    "rloo without penalty": RLOO(invalid_penalty=0.0),
    "reinforce": REINFORCE(),
    "reinforce with a discount": REINFORCE(gamma=0.9),
    "reinforce without baseline": REINFORCE(baseline="none"),
    "reinforce_pp": REINFORCEpp(),
    "reinforce_pp without penalty": REINFORCEpp(invalid_penalty=0.0),
    "reinforce_pp with a discount": REINFORCEpp(gamma=0.9),
    "reinforce_pp with resets": REINFORCEpp(reset=True),
    "reinforce_pp with a baseline": REINFORCEpp(variant="baseline"),
    "hgpo": HGPO(),
    "hgpo without penalty": HGPO(invalid_penalty=0.0),
    "hgpo without std": HGPO(scale="none"),
    "graphgpo": GraphGPO(),
    "graphgpo without penalty": GraphGPO(invalid_penalty=0.0),
    "graphgpo without std": GraphGPO(scale="none"),
    "g2po": G2PO(),
    "g2po without penalty": G2PO(invalid_penalty=0.0),
    "g2po without std": G2PO(scale="none"),
    "proxmo": ProxMO(),
    "vetta": VETTA(),
    "copo": COPO(),
    "copo without penalty": COPO(invalid_penalty=0.0),
    "multi_objective": MultiObjective(),
    "multi_objective without penalty": MultiObjective(invalid_penalty=0.0),
    "multi_objective, sums first": MultiObjective(order="sum_then_normalize", invalid_penalty=0.0),
    "rto": RTO(teacher="folder"),
    "rto with a discount": RTO(teacher="folder", gamma=0.9),
    "opd": OPD(teacher="folder"),
    "opd with outcomes": OPD(teacher="folder", outcome=1.0),
    "kepo": KEPO(teacher="folder"),
    "kepo without penalty": KEPO(teacher="folder", invalid_penalty=0.0),
    "seed_grpo": SeedGRPO(),
    "r2vpo": R2VPO(),
    "fiber": Fiber(),
    "gigpo with like states": GiGPO(similarity=0.9),
    "disco": DisCO(),
    "trpa": TRPA(),
    "copg": CoPG(),
    "dpo": DPO(),
    "dpo on episodes": DPO(of="episodes", loss_kind="simpo"),
    "tgdpo": TGDPO(teacher="folder"),
    "sparsepo": SparsePO(mask_kl="none"),
    "modpo": MODPO(),
    "spin": SPIN(),
    "dno": DNO(good=0.0, gap=0.0, gap_own=0.0),
    "dno, ideal": DNO(form="ideal"),
    "dno with a judge": DNO(form="ideal", judge=0.5),
    "step_dpo": StepDPO(),
    "step_apo": StepAPO(),
    "mcts_dpo": MCTSDPO(),
    "mcts_dpo over a power of the length": MCTSDPO(loss_kind="dpo", power=1.25),
    "agent_q": AgentQ(),
    "tree_pairs": TreePairs(),
    "kto": KTO(),
    "kto above the mean": KTO(good_if="above_mean"),
    "bco": BCO(),
    "redi": REDI(),
    "rejection": Rejection(),
    "lipo": LiPO(),
    "pro": PRO(),
    "tpo": TPO(),
    "sppo": SPPO(),
    "sppo with a judge": SPPO(judge=0.5),
    "online_ipo": OnlineIPO(),
    "online_ipo with a judge": OnlineIPO(judge=0.5),
    "egpo": EGPO(),
    "egpo with a judge": EGPO(judge=0.5),
    "inpo": INPO(),
    "xpo": XPO(),
    "nash_md": NashMD(),
    "oreo": OREO(),
    "oreo by turn": OREO(level="step"),
    "oreo, one step": OREO(level="single"),
    "sft": SFT(),
}


def changed(table: TokenTable, what: str) -> TokenTable:
    """Return the table with 3 added to each last turn's reward, or with every reward four times as large."""
    turns, ret = table.turns, table.trajectories.ret
    if what == "shift":
        reward, ret = turns.reward + 3.0 * turns.last, ret + 3.0
    else:
        reward, ret = 4.0 * turns.reward, 4.0 * ret
    others = {
        name: part * (1.0 if what == "shift" else 4.0) for name, part in table.trajectories.parts.items()
    }
    changed = replace(table.trajectories, ret=ret, parts={**others, "task": ret})
    return replace(table, turns=replace(turns, reward=reward), trajectories=changed)


def told(algo: Algorithm, table: TokenTable) -> torch.Tensor:
    """Return all that the loss is told: the credit, or where there is none the loss's own gradient."""
    values = torch.linspace(-1, 1, len(table), dtype=torch.float64)
    old = table.logp_behaviour.double()
    columns = {"logp_old": old, "logp_ref": values, "logp_teacher": -values.abs()}
    columns["hidden"] = torch.stack([values, old], dim=1)
    columns["activation_ref"] = old.exp()
    spread = torch.stack([values, -values], dim=1).log_softmax(-1)
    columns |= {"logp_support": spread, "support_ref": spread.flip(1)}
    shown = (torch.arange(len(table.trajectories)) % 4 == 0).double()
    table = replace(table, trajectories=replace(table.trajectories, measures={"demonstration": shown}))
    given = table.with_columns(values_old=values.expand(algo.heads, -1).T.squeeze(1), **columns)
    found = algo.credit(given)
    if found is None:
        return gradient(algo, given)
    assert isinstance(found, TurnCredit | TokenCredit)
    return torch.cat([found.value, *found.columns.values()])


def gradient(algo: Algorithm, table: TokenTable) -> torch.Tensor:
    """Return the derivative of the losses by every token's log-probability and value."""
    leaves = {
        "logp": (table.logp_old + 0.1 * table.logp_ref).requires_grad_(),
        "values": table.logp_ref.clone().requires_grad_(),
    }
    ends = torch.searchsorted(table.trajectory, torch.arange(4), right=True)
    starts = torch.cat([torch.zeros(1, dtype=torch.long), ends[:-1]])
    spans = torch.stack([starts, ends], dim=1)
    pairs = Pairs(spans[:2], spans[2:], torch.ones(2), torch.zeros(2), torch.zeros(2))
    losses = algo.loss(replace(table.with_columns(**leaves), pairs=pairs), algo.start())
    total = sum(loss.sum() for loss in (losses.policy, losses.critic) if loss is not None)
    assert isinstance(total, torch.Tensor)
    slopes = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    return torch.cat([slope for slope in slopes if slope is not None])


@pytest.mark.parametrize("what", ["shift", "scale"])
@pytest.mark.parametrize("name", ALGOS)
def test_credit_is_invariant_to_what_is_declared_and_to_nothing_else(name: str, what: str) -> None:
    algo, table = ALGOS[name], token_table(episodes(16, seed=3))
    if isinstance(algo, MODPO):  # one reward alone is told by nothing but its order
        parts = {**table.trajectories.parts, "tone": torch.linspace(0, 1, 16, dtype=torch.float64)}
        table = replace(table, trajectories=replace(table.trajectories, parts=parts))
    before, after = told(algo, table), told(algo, changed(table, what))
    assert before.abs().sum() > 0
    same = torch.allclose(before, after, atol=1e-4, rtol=1e-4)
    assert same == (what in algo.invariances)


def test_every_algorithm_that_trains_is_here() -> None:
    root = Path(__file__).resolve().parents[2]
    declared = tomllib.loads((root / "pyproject.toml").read_text())["project"]["entry-points"]
    idle = {algo.name for algo in (Random(), Expert()) if isinstance(algo.collect(), Play)}
    assert {algo.name for algo in ALGOS.values()} == set(declared["agentrl.algos"]) - idle

"""An algorithm's declared invariances hold, and what it does not declare does not."""

from dataclasses import replace

import pytest
import torch

from agentrl.algo import Algorithm, TokenCredit, TurnCredit
from agentrl.batch import TokenTable, token_table
from agentrl_algos.copo import COPO
from agentrl_algos.dapo import DAPO
from agentrl_algos.experimental import R2VPO, Fiber, SeedGRPO
from agentrl_algos.g2po import G2PO
from agentrl_algos.gigpo import GiGPO
from agentrl_algos.graphgpo import GraphGPO
from agentrl_algos.grpo import CISPO, GRPO, GRPOD, GSPO, DrGRPO
from agentrl_algos.hgpo import HGPO
from agentrl_algos.multi_objective import MultiObjective
from agentrl_algos.opd import KEPO, OPD
from agentrl_algos.ppo import PFPPO, PPO
from agentrl_algos.proxmo import ProxMO
from agentrl_algos.reinforce import REINFORCE, RLOO, REINFORCEpp
from agentrl_algos.rto import RTO
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
}


def changed(table: TokenTable, what: str) -> TokenTable:
    """Return the table with 3 added to each last turn's reward, or with every reward four times as large."""
    turns, ret = table.turns, table.trajectories.ret
    if what == "shift":
        reward, ret = turns.reward + 3.0 * turns.last, ret + 3.0
    else:
        reward, ret = 4.0 * turns.reward, 4.0 * ret
    changed = replace(table.trajectories, ret=ret, parts={"task": ret})
    return replace(table, turns=replace(turns, reward=reward), trajectories=changed)


def credit(algo: Algorithm, table: TokenTable) -> torch.Tensor:
    """Return all that the loss is told."""
    values = torch.linspace(-1, 1, len(table), dtype=torch.float64)
    columns = {"logp_old": table.logp_behaviour.double(), "logp_ref": values, "logp_teacher": -values.abs()}
    found = algo.credit(table.with_columns(values_old=values.expand(algo.heads, -1).T.squeeze(1), **columns))
    assert isinstance(found, TurnCredit | TokenCredit)
    return torch.cat([found.value, *found.columns.values()])


@pytest.mark.parametrize("what", ["shift", "scale"])
@pytest.mark.parametrize("name", ALGOS)
def test_credit_is_invariant_to_what_is_declared_and_to_nothing_else(name: str, what: str) -> None:
    algo, table = ALGOS[name], token_table(episodes(16, seed=3))
    before, after = credit(algo, table), credit(algo, changed(table, what))
    same = torch.allclose(before, after, atol=1e-4, rtol=1e-4)
    assert same == (what in algo.invariances)

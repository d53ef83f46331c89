"""A learner in two processes: the losses, figures, weights and checkpoints of one that is alone."""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from agentrl.algo import Algorithm, Preference
from agentrl.batch import TokenTable, preference_table, token_table
from agentrl.cluster.base import Member, gathered
from agentrl.cluster.local import LocalHost
from agentrl.errors import RunError
from agentrl.learner import shards
from agentrl.learner.adam import exact, parameters_of
from agentrl.learner.extragradient import Origin
from agentrl.learner.lora import add_lora
from agentrl.learner.mismatch import Correction
from agentrl.learner.model import Policy
from agentrl.learner.sharded import Sharded, meeting, met, stay_here
from agentrl.learner.sharded import gathered as whole
from agentrl.learner.step import Learner
from agentrl.learner.team import SOLO, Team
from agentrl.learner.warm import WarmStart
from agentrl.settings import LearnerSettings, ModelSettings, WarmSettings
from agentrl_algos.disco import DisCO
from agentrl_algos.dpo import DPO
from agentrl_algos.gigpo import GiGPO
from agentrl_algos.grpo import GRPO, GSPO
from agentrl_algos.opd import OPD
from agentrl_algos.oreo import OREO
from agentrl_algos.ppo import PPO
from agentrl_algos.self_play import EGPO
from tests.agentrl.examples import FakeTokenizer, episodes, model
from tests.agentrl.test_batch import small_tree

SETTINGS, UNCORRECTED = LearnerSettings(lr=0.02, lr_critic=0.02, microbatch_tokens=40), Correction()


@dataclass(frozen=True)
class Case:
    """What is learnt, and how."""

    algo: Algorithm
    settings: LearnerSettings = SETTINGS
    dtype: torch.dtype = torch.float64
    lora: int = 0
    correction: Correction = UNCORRECTED


PLAIN = Case(GRPO())
CASES = {
    "grpo with a reference": Case(GRPO(kl=0.05)),
    "grpo of an adapter, with a reference": Case(GRPO(kl=0.05), lora=2),
    "grpo in float32": Case(GRPO(kl=0.05), dtype=torch.float32),
    "grpo in one micro-batch a process": Case(GRPO(), replace(SETTINGS, microbatch_tokens=10**6)),
    "grpo by a row a time, corrected": replace(
        PLAIN, settings=replace(SETTINGS, microbatch_tokens=1), correction=Correction("truncate")
    ),
    "gigpo in epochs of minibatches": Case(
        GiGPO(entropy=0.02), replace(SETTINGS, epochs=2, minibatches=3, checkpointing=True)
    ),
    "ppo with a critic": Case(PPO(entropy=0.01)),
    "ppo with a head": Case(PPO(), replace(SETTINGS, critic="head")),
    "ppo of an adapter": Case(PPO(), lora=2),
    "dpo, whose sides are entangled": Case(DPO(entangled=True)),
    "gspo": Case(GSPO()),
    "disco": Case(DisCO()),
    "egpo by half steps": Case(EGPO()),
    "opd over three tokens of a teacher": Case(OPD(teacher="given", support=3)),
    "oreo": Case(OREO()),
}


def table_for(algo: Algorithm) -> TokenTable:
    if algo.unit == "pair":
        tree = small_tree(window=True)
        found = preference_table([tree], [[Preference(1, 0), Preference(2, 3), Preference(0, 3)]])
        assert found is not None
        return found
    return token_table(episodes(5))


def learner_of(case: Case, team: Team) -> Learner:
    policy = Policy(model(dtype=case.dtype), FakeTokenizer())
    if case.lora:
        add_lora(
            policy.module, ModelSettings(path="x", lora=case.lora, lora_targets=("q_proj", "up_proj")), 0
        )
    policy.team = team
    policy.module.train()
    teacher = Policy(model(seed=2, dtype=case.dtype), FakeTokenizer()).frozen_copy()
    others: dict[str, Any] = {"teacher": teacher} if case.algo.teacher else {}
    return Learner(policy, case.algo, case.settings, 10, False, correction=case.correction, **others)


def after(learner: Learner, iterations: range) -> tuple[list[Mapping[str, float]], dict[str, Tensor]]:
    """Return the metrics of some iterations, and what the last one had to show and to learn with."""
    table, state, told = table_for(learner.algo), learner.algo.start(), []
    found: dict[str, Tensor] = {}

    def keep(_: TokenTable, columns: Mapping[str, Tensor]) -> None:
        found.update(columns)

    for iteration in iterations:
        told.append(learner.learn(table, state, iteration, 0, keep=keep))
    for name, optimizer in learner.optimizers.items():
        found |= {f"{name}/{i}": whole(p) for i, p in enumerate(parameters_of(optimizer))}
    return told, found


def warmed(team: Team) -> tuple[list[Mapping[str, float]], dict[str, Tensor]]:
    """Return the metrics and weights of a warm start."""
    policy = Policy(model(), FakeTokenizer())
    policy.team = team
    team.split(policy)
    start = WarmStart(policy, token_table(episodes()), WarmSettings(batch=5), seed=0, budget=40)
    metrics = [start.round(0)]
    return metrics, {str(i): whole(p) for i, p in enumerate(policy.parameters())}


class Half:
    """One of two processes."""

    def __init__(self, rank: int) -> None:
        torch.set_num_threads(1)
        stay_here()
        self.rank = rank

    def meet(self) -> str:
        self.store, address = meeting(local=True)
        return address

    def join(self, address: str) -> None:
        store = met(address) if self.rank else self.store
        self.team = Sharded(self.rank, 2, store, patience=300.0, device=torch.device("cpu"))

    def after(
        self, case: Case, iterations: range, read: Path | None = None, write: Path | None = None
    ) -> Any:
        learner = learner_of(case, self.team)
        if read is not None:
            learner.origin = restored(learner, read)
        found = after(learner, iterations)
        if write is not None:
            shards.write(write, learner.optimizers, learner.origin)
        return found

    def warmed(self) -> Any:
        return warmed(self.team)

    def pieces(self, case: Case) -> tuple[int, int]:
        """Return the numbers that are held of the policy here, and all of them."""
        own = list(learner_of(case, self.team).policy.parameters())
        return sum(self.team.own(p).numel() for p in own), sum(p.numel() for p in own)


def restored(learner: Learner, path: Path) -> Origin | None:
    """Put back what lies in a folder of pieces, or in the file of one process."""
    if path.is_dir():
        return shards.read(path, learner.optimizers)
    return shards.take(torch.load(path, weights_only=True), learner.optimizers)


@pytest.fixture(scope="module")
def pair() -> Iterator[list[Member]]:
    host = LocalHost()
    members: list[Member] = [host.start(f"half-{rank}", partial(Half, rank)) for rank in range(2)]
    address = members[0].call("meet", deadline=300).result()
    gathered(member.call("join", address, deadline=300) for member in members)
    yield members
    host.close()


def both(pair: list[Member], method: str, *args: Any) -> list[Any]:
    return gathered([member.call(method, *args, deadline=300) for member in pair])


def same(found: Any, expected: Any, tolerance: float) -> None:
    """Check metrics, their order too, and tensors."""
    (metrics, tensors), (other_metrics, others) = found, expected
    for one, other in zip(metrics, other_metrics, strict=True):
        assert list(one) == list(other)
        for name, value in other.items():
            assert one[name] == pytest.approx(value, abs=tolerance, rel=tolerance), name
    assert tensors.keys() == others.keys()
    for name, tensor in others.items():
        torch.testing.assert_close(tensors[name], tensor, atol=tolerance, rtol=tolerance, msg=name)


DEFAULT = ("grpo with a reference", "ppo with a critic", "dpo, whose sides are entangled", "gspo")
"""the others are slow: as many and more forms of the same"""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in DEFAULT else pytest.mark.slow) for name in CASES]
)
def test_two_processes_learn_what_one_does(name: str, pair: list[Member]) -> None:
    case = CASES[name]
    tolerance = 1e-9 if case.dtype == torch.float64 else 2e-4
    expected = after(learner_of(case, SOLO), range(3))
    start = dict(enumerate(learner_of(case, SOLO).policy.parameters()))
    assert any(not torch.equal(expected[1][f"policy/{i}"], p) for i, p in start.items()), "nothing learnt"
    for found in both(pair, "after", case, range(3)):
        same(found, expected, tolerance)


def test_two_processes_start_warm_as_one_does(pair: list[Member]) -> None:
    for found in both(pair, "warmed"):
        same(found, warmed(SOLO), 1e-9)


def test_the_door_where_processes_meet_is_open_to_this_machine_alone() -> None:
    """A socket that listens on every network answers at all addresses of the loopback one."""
    store, address = meeting(local=True)
    host, _, port = address.rpartition(":")
    met(address).set("who", "a friend")
    assert store.get("who") == b"a friend"
    with pytest.raises(OSError):
        socket.create_connection((host.replace(".1", ".2"), int(port)), timeout=5).close()


def test_each_holds_its_piece_alone(pair: list[Member]) -> None:
    (one, every), (two, _) = both(pair, "pieces", PLAIN)
    assert one + two == every
    assert 0.4 < one / every < 0.6


@pytest.mark.parametrize(
    "name", ["ppo with a critic", pytest.param("egpo by half steps", marks=pytest.mark.slow)]
)
def test_what_two_processes_keep_one_goes_on_with_and_the_other_way(
    name: str, pair: list[Member], tmp_path: Path
) -> None:
    """After three iterations EGPO stands in the middle of a step: where that began is kept, too."""
    case = CASES[name]
    alone = learner_of(case, SOLO)
    expected = after(alone, range(3)), after(alone, range(3, 5))
    both(pair, "after", case, range(3), None, tmp_path / "two")
    learner = learner_of(case, SOLO)
    learner.origin = restored(learner, tmp_path / "two")
    same(after(learner, range(3, 5)), expected[1], 1e-9)
    shards.write(tmp_path / "one", alone.optimizers, alone.origin)
    further = after(alone, range(5, 6))
    for found in both(pair, "after", case, range(5, 6), tmp_path / "one"):
        same(found, further, 1e-9)


def test_a_disk_that_does_not_take_the_pieces_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "full").write_text("no folder")
    optimizers = {"policy": torch.optim.AdamW(torch.nn.Linear(2, 2).parameters())}
    with pytest.raises(RunError, match=r"learner could not be written by learner process 0 \([\d,]+ MiB are"):
        shards.write(tmp_path / "full" / "learner", optimizers, None)


def test_full_numbers_of_few_bits_go_from_one_process_to_several_and_back(tmp_path: Path) -> None:
    """One process rounds weights and keeps masters; several keep the full numbers and round late."""
    rounded = learner_of(replace(PLAIN, dtype=torch.bfloat16), SOLO)
    after(rounded, range(2))
    full = learner_of(replace(PLAIN, dtype=torch.float32), SOLO)
    state = {"optimizers": {name: o.state_dict() for name, o in rounded.optimizers.items()}}
    assert shards.take(state, full.optimizers) is None
    again = learner_of(replace(PLAIN, dtype=torch.bfloat16), SOLO)
    shards.write(tmp_path / "full", full.optimizers, None)
    shards.read(tmp_path / "full", again.optimizers)
    own = rounded.optimizers["policy"]
    for other in (full.optimizers["policy"], again.optimizers["policy"]):
        pairs = zip(exact(own), exact(other), parameters_of(own), parameters_of(other), strict=True)
        for one, two, p, q in pairs:
            assert torch.equal(one, two)
            assert torch.equal(own.state[p]["exp_avg_sq"], other.state[q]["exp_avg_sq"])
            assert own.state[p]["step"] == other.state[q]["step"] == 2
    for p, q in zip(parameters_of(own), parameters_of(again.optimizers["policy"]), strict=True):
        assert torch.equal(p, q)


@pytest.mark.slow
def test_weights_of_few_bits_are_learnt_alike(pair: list[Member]) -> None:
    """Both step full numbers and round them: they differ by how partial sums of gradients are rounded."""
    case = Case(GRPO(), LearnerSettings(lr=1e-3, microbatch_tokens=40), dtype=torch.bfloat16)
    (metrics, tensors), expected = (
        both(pair, "after", case, range(2))[0],
        after(learner_of(case, SOLO), range(2)),
    )
    assert metrics[0]["grad_norm"] == pytest.approx(expected[0][0]["grad_norm"], rel=0.02)
    assert all(tensors[f"policy/{i}"].dtype == torch.float32 for i in range(3))
    for name, tensor in expected[1].items():
        if name.startswith("policy/"):
            torch.testing.assert_close(tensors[name].bfloat16(), tensor, atol=4e-3, rtol=1e-2)

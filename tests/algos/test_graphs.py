"""The family of state graphs on one small task, and what each does at its edges."""

import math

import pytest
import torch

from agentrl.batch import TokenTable, token_table
from agentrl.credit.graph import distances, hierarchical, history_codes, success_weight, visit_values
from agentrl.credit.likeness import like_mean, text_vectors
from agentrl.types import Task, Trajectory, Turn, floats32, ids32
from agentrl_algos.g2po import G2PO
from agentrl_algos.gigpo import GiGPO
from agentrl_algos.graphgpo import GraphGPO
from agentrl_algos.hgpo import HGPO
from agentrl_algos.proxmo import ProxMO

PATHS = {"E1": ("s0", "s1", "s2"), "E2": ("s0", "s3", "s1", "s2"), "E3": ("s0", "s3", "s3")}
"""states acted in; the first two end in success, which pays 10"""


def played(
    states: tuple[str, ...], sample: int, reward: float, group: str = "t", success: bool = True
) -> Trajectory:
    turns = tuple(
        Turn(f"You see {key}.", ids32([2]), ids32([3]), floats32([-1.0]), "a", "a",
             {"task": reward if i == len(states) - 1 else 0.0}, key)
        for i, key in enumerate(states)
    )  # fmt: skip
    return Trajectory(Task(group, "train", 0), group, sample, turns, "success", ret=reward, success=success)


def toy() -> TokenTable:
    return token_table(
        [played(path, i, 0.0 if name == "E3" else 10.0, success=name != "E3")
         for i, (name, path) in enumerate(PATHS.items())]
    )  # fmt: skip


GIVEN = {
    "gigpo": (GiGPO(), [0.6211, 0, 0, 0.5324, 1.1547, 0, 0, -1.1536, -0.5774, -0.5774]),
    "hgpo": (HGPO(), [0.7607, 0, 0, 0.6521, 1.1657, 0, 0, -1.4128, -0.8828, -0.7071]),
    "graphgpo": (GraphGPO(), [1.1547, 0, 0, -0.5773, 1.1508, 0, 0, -0.5773, -0.4932, -0.6576]),
    "g2po": (G2PO(), [2.2536, 0.0517, 0.0605, -1.6478, 3.1518, 0.0517, 0.0605, -1.6478, -0.3546, -1.9795]),
}


@pytest.mark.parametrize("name", GIVEN)
def test_the_step_terms_are_those_of_published_code(name: str) -> None:
    algo, want = GIVEN[name]
    credit = algo.credit(toy())
    step = credit.value - credit.parts.get("episode", torch.zeros(()))
    torch.testing.assert_close(step, torch.tensor(want, dtype=torch.float64), atol=1e-4, rtol=0)


def test_distances_are_those_of_the_shortest_way_any_episode_showed() -> None:
    turns = toy().turns
    goal = turns.last & torch.tensor([True] * 7 + [False] * 3)
    here, there = distances(turns.anchor, turns.next_anchor, goal, turns.group)
    assert here.tolist() == [3, 2, 1, 3, 3, 2, 1, 3, 3, 3]
    assert there.tolist() == [2, 1, 0, 3, 2, 1, 0, 3, 3, 4]


def test_values_are_means_over_visits() -> None:
    table = toy()
    turns, episodes = table.turns, table.trajectories
    left = episodes.length[turns.trajectory] - turns.index
    value = visit_values(episodes.ret[turns.trajectory], left, turns.anchor, 0.95)
    expected = {"s0": 5.5729, "s1": 9.025, "s2": 9.5, "s3": 2.8579}
    keys = [key for path in PATHS.values() for key in path]
    torch.testing.assert_close(
        value, torch.tensor([expected[k] for k in keys], dtype=torch.float64), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize(("p", "won", "lost"), [(0.0, 1.05, 1.0), (0.5, 1.0034, 0.9966), (1.0, 1.0, 0.95)])
def test_a_hard_success_counts_more_and_an_easy_failure_less(p: float, won: float, lost: float) -> None:
    weight = success_weight(torch.tensor([True, False]), torch.tensor([p, p], dtype=torch.float64))
    assert weight.tolist() == pytest.approx([won, lost], abs=1e-4)


def test_histories_are_told_apart_by_every_state_in_them_and_never_made_up() -> None:
    anchor = torch.tensor([0, 1, 2, 3, 1, 2, 0, 1, 2])
    owner = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2])
    one, two, three = history_codes(anchor, owner, 3)
    assert one is anchor
    assert (two[[0, 3, 6]] == -1).all() and (three[[0, 1, 3, 4, 6, 7]] == -1).all()
    assert two[1] == two[7] != two[4] and two[2] == two[5] == two[8]
    assert three[2] == three[8] != three[5]


def test_without_history_it_is_the_comparison_of_equal_states() -> None:
    """Up to the population's standard deviation, which is smaller by sqrt((n - 1) / n)."""
    returns = torch.tensor([1.0, 2.0, 6.0, 5.0], dtype=torch.float64)
    level = torch.tensor([0, 0, 0, 1])
    got = hierarchical(returns, [level], ranks=[1])
    std = math.sqrt((4 + 1 + 9) / 3)
    assert got.tolist() == pytest.approx([-2 / std, -1 / std, 3 / std, 0.0], abs=1e-5)


ALGOS = {"hgpo": HGPO(), "graphgpo": GraphGPO(), "g2po": G2PO(), "proxmo": ProxMO(), "gigpo": GiGPO()}


@pytest.mark.parametrize("name", ALGOS)
def test_a_task_where_everything_failed_gives_nothing(name: str) -> None:
    made = [played(path, i, 0.0, success=False) for i, path in enumerate(PATHS.values())]
    assert ALGOS[name].credit(token_table(made)).value.abs().max() < 1e-9


@pytest.mark.parametrize("name", ALGOS)
def test_an_episode_alone_in_its_task_is_finite(name: str) -> None:
    made = [played(PATHS["E1"], 0, 10.0), played(("x",), 0, 10.0, group="u"), played(("y", "y"), 0, 0.0, "v")]
    assert ALGOS[name].credit(token_table(made)).value.isfinite().all()


@pytest.mark.parametrize("name", sorted(ALGOS.keys() - {"proxmo"}))  # it asks the whole batch what is rare
def test_tasks_do_not_see_each_other(name: str) -> None:
    mine = [played(path, i, 10.0 * (i < 2), success=i < 2) for i, path in enumerate(PATHS.values())]
    others = [played(path, i, 3.0 * i, "u", i > 0) for i, path in enumerate(PATHS.values())]
    alone = ALGOS[name].credit(token_table(mine)).value
    beside = ALGOS[name].credit(token_table(mine + others)).value[: len(alone)]
    torch.testing.assert_close(alone, beside)


def test_equal_texts_are_alike_and_texts_without_a_shared_word_are_not() -> None:
    vectors = text_vectors(["go to the kitchen", "go to the kitchen", "open drawer", ""])
    alike = vectors @ vectors.T
    assert alike[0, 1] == pytest.approx(1.0) and alike[0, 2] == 0 and alike[3].abs().sum() == 0


def test_rare_words_weigh_more_than_common_ones() -> None:
    vectors = text_vectors(["room lamp", "room desk", "room shelf"])
    assert vectors[0].max() > vectors[0][vectors[0] > 0].min()


def test_at_a_low_temperature_only_the_same_text_counts_and_at_a_high_one_all_do() -> None:
    returns = torch.tensor([1.0, 3.0, 10.0], dtype=torch.float64)
    texts, group = ["red door", "red door", "blue lamp"], torch.zeros(3, dtype=torch.long)
    assert like_mean(returns, texts, group, temperature=0.01).tolist() == pytest.approx([2, 2, 10])
    assert like_mean(returns, texts, group, temperature=1e6).tolist() == pytest.approx([14 / 3] * 3, abs=1e-4)


def test_like_texts_taken_together_are_the_softmax_over_turns() -> None:
    generator = torch.Generator().manual_seed(0)
    returns = torch.randn(12, dtype=torch.float64, generator=generator)
    words = ["red door", "red lamp", "blue lamp", "old desk"]
    texts = [words[i % 4] for i in range(12)]
    group = torch.arange(12) % 2
    vectors = text_vectors(texts)
    alike = (vectors @ vectors.T / 0.1).masked_fill(group[:, None] != group, -torch.inf)
    torch.testing.assert_close(like_mean(returns, texts, group), alike.softmax(1) @ returns)

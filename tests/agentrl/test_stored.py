"""What an offline plan trains on, round by round."""

from pathlib import Path

import pytest

from agentrl.algo import Stored
from agentrl.config import from_values
from agentrl.datafile import PlayedPair
from agentrl.errors import ConfigError, RunError
from agentrl.stored import Store, place, staged
from agentrl.types import Trajectory
from tests.agentrl.examples import episodes


class Player:
    """Plays other episodes each time, and remembers with which seed."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def __call__(self, seed: int) -> list[Trajectory]:
        self.seeds.append(seed)
        return episodes(6, seed=100 * len(self.seeds))


def plan(rounds: int = 1, batch: int = 4) -> Stored:
    return Stored("policy", 1, batch, rounds=rounds)


@pytest.mark.parametrize(
    ("iterations", "rounds", "begins"),
    [(6, 3, [0, 0, 2, 2, 4, 4]), (5, 2, [0, 0, 0, 3, 3]), (3, 3, [0, 1, 2]), (3, 1, [0, 0, 0])],
)
def test_iterations_are_dealt_to_rounds_as_evenly_as_they_go(
    iterations: int, rounds: int, begins: list[int]
) -> None:
    places = [place(rounds, iterations, iteration) for iteration in range(iterations)]
    assert [begin for _, begin in places] == begins
    assert [number for number, _ in places] == sorted(number for number, _ in places)
    assert {number for number, _ in places} == set(range(rounds))


def test_each_round_is_played_once_with_a_seed_of_its_own_and_its_turns_are_counted(tmp_path: Path) -> None:
    player, store = Player(), Store(tmp_path, 6, 0)
    batches = [store.batch(plan(3), iteration, player) for iteration in range(6)]
    assert len(player.seeds) == len(set(player.seeds)) == 3
    turns = [sum(len(e.turns) for e in Player()(0)) for _ in range(1)]
    assert [played > 0 for _, played in batches] == [True, False] * 3 and batches[0][1] == turns[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"stored-000{n}.jsonl.gz" for n in (1, 2, 3)]
    for first in (0, 2, 4):  # nothing of an earlier round is trained on
        held = {e.turns[0].prompt_ids.tobytes() for e in store_of(tmp_path, first)}
        for chosen, _ in batches[first : first + 2]:
            assert {e.turns[0].prompt_ids.tobytes() for e in chosen} <= held


def store_of(folder: Path, iteration: int) -> list[Trajectory]:
    store = Store(folder, 6, 0)
    store.batch(plan(3), iteration, Player())
    return store.episodes


def test_a_round_is_dealt_out_whole_before_anything_comes_again(tmp_path: Path) -> None:
    store = Store(tmp_path, 6, 0)
    dealt = [e for i in range(3) for e in store.batch(plan(batch=2), i, Player())[0]]
    assert len({e.turns[0].prompt_ids.tobytes() for e in dealt}) == 6


def test_a_run_that_goes_on_finds_the_same_batches_without_playing(tmp_path: Path) -> None:
    whole = Store(tmp_path, 6, 0)
    wanted = [whole.batch(plan(2), iteration, Player()) for iteration in range(6)]
    for start in range(6):
        player, store = Player(), Store(tmp_path, 6, 0)
        assert [store.batch(plan(2), i, player) for i in range(start, 6)] == wanted[start:]
        assert not player.seeds


def test_episodes_of_weights_that_are_gone_are_not_played_by_others(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is gone: the policy"):
        Store(tmp_path, 6, 0).batch(plan(3), 3, Player())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"algo.rounds": 4, "iterations": 3}, "algo.rounds=4 with iterations=3"),
        ({"algo.rounds": 2, "algo.source": "demonstrator"}, "a demonstrator does not learn"),
        ({"algo.rounds": 0}, "rounds=0: must be above 0"),
    ],
)
def test_rounds_without_a_sense_are_refused(words: dict[str, object], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        from_values({"env": "guess", "algo": "oreo", **words})


def pairs_of(*margins: float) -> list[PlayedPair]:
    one, other = episodes(2, seed=1)
    return [PlayedPair(one, other, 0, margin=margin) for margin in margins]


def test_a_curriculum_goes_from_the_largest_margins_to_the_smallest() -> None:
    pairs = pairs_of(0.2, 0.9, 0.5, 0.5, 0.7, 0.1, 0.3)
    parts = [staged(pairs, 3, 6, iteration) for iteration in range(6)]
    assert [[pair.margin for pair in part] for part, _ in parts[::2]] == [
        [0.9, 0.7],
        [0.5, 0.5],
        [0.3, 0.2, 0.1],
    ]
    assert [before for _, before in parts] == [0, 1, 0, 1, 0, 1]
    assert staged(pairs, 1, 6, 4) == (pairs, 4), "one stage leaves them as they are"
    with pytest.raises(RunError, match="stages=3: there are 2 pairs"):
        staged(pairs[:2], 3, 6, 0)

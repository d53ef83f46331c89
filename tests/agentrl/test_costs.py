"""The cost model: by hand, and that it moves the way it must."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.costs import Chip, Layout, Speeds, Work, cost, learning, playing, roofline
from agentrl.memory import ModelShape

WORK = Work(episodes=8, turns=3, longest=5, prompt=100, context=120, reply=20, forwards=1, steps=2, passes=4)
SPEEDS = Speeds(
    step=0.01, each=0.001, prompt=0.0001, world=0.5, learn=0.002, score=0.001, update=0.1, wire=1000, link=500
)


def test_playing_is_a_path_and_a_volume() -> None:
    path = 5 * (20 * 0.01 + 0.5)
    volume = 8 * 3 * (20 * 0.001 + 100 * 0.0001)
    assert playing(WORK, SPEEDS, Layout()) == pytest.approx(path + volume)
    assert playing(WORK, SPEEDS, Layout(engines=2)) == pytest.approx(path + volume / 2)


def test_where_places_are_few_they_are_taken_in_turn() -> None:
    short = playing(WORK, SPEEDS, Layout(parallel=2)) - playing(WORK, SPEEDS, Layout(parallel=4))
    assert short == pytest.approx((12 - 6) * (20 * 0.01 + 0.5))


def test_nobody_waits_for_the_longest_where_others_take_its_place() -> None:
    ahead, behind = playing(WORK, SPEEDS, Layout(ahead=True)), playing(WORK, SPEEDS, Layout())
    assert behind - ahead == pytest.approx((5 - 3) * (20 * 0.01 + 0.5))


def test_learning_is_shared_but_for_what_ranks_send_each_other() -> None:
    rows = 8 * 3 * 120
    assert learning(WORK, SPEEDS, Layout(), 10) == pytest.approx(rows * 0.003 + 2 * 0.1)
    two = learning(WORK, SPEEDS, Layout(ranks=2), 10)
    assert two == pytest.approx((rows * 0.003 + 2 * 0.1) / 2 + (4 + 1) * 2 * 10 * 0.5 / 500)


def test_parts_follow_each_other_or_overlap() -> None:
    one = cost(WORK, SPEEDS, Layout(receivers=3), 5000)
    assert one.transfer == pytest.approx(15.0)
    assert one.iteration == pytest.approx(one.rollout + one.transfer + one.learner)
    both = replace(one, ahead=True)
    assert both.iteration == pytest.approx(max(one.rollout, one.transfer + one.learner))


@given(st.integers(1, 16), st.integers(1, 16), st.booleans())
def test_more_engines_never_play_longer(few: int, more: int, ahead: bool) -> None:
    slow = playing(WORK, SPEEDS, Layout(engines=few, ahead=ahead))
    fast = playing(WORK, SPEEDS, Layout(engines=few + more, ahead=ahead))
    assert fast <= slow + 1e-9


def test_a_gpu_reads_its_weights_once_a_step() -> None:
    shape = ModelShape(
        parameters=1000, adapter=0, layers=2, hidden=8, inner=16, query=8, key_value=4, vocabulary=9
    )
    chip = Chip("it", flops=1e6, memory=1e4, trains=0.5, reads=0.25, streams=0.5)
    found = roofline(chip, shape, context=10, again=True, rest=SPEEDS)
    assert found.step == pytest.approx(2000 / 5000)
    assert found.each == pytest.approx(max(2 * 2 * 10 * 2 * 4 / 5000, 2000 / 250000))
    assert found.learn == pytest.approx(8 * 1000 / 5e5) and found.score == pytest.approx(2 * 1000 / 5e5)
    assert (found.world, found.wire) == (SPEEDS.world, SPEEDS.wire)

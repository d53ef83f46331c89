"""The players win: the one that sees everything always, the one that explores nearly so, from any state."""

import random

import pytest

from agentrl_envs.alfworld.engine import NOTHING, Engine, Play
from agentrl_envs.alfworld.explorer import Explorer
from agentrl_envs.alfworld.oracle import next_command, plan
from agentrl_envs.alfworld.room import compiled
from agentrl_envs.alfworld.sources import opened
from tests.envs.alfworld.rooms import GOALS, playing


def explored(play: Play, noise: float, seed: int, turns: int = 50) -> bool:
    """Whether the exploring player wins."""
    explorer, text = Explorer(play.engine.room.game.goal, noise, seed), play.begin()
    for _ in range(turns):
        text = play.do(explorer.next(text, play.admissible())) or NOTHING
        if play.won:
            return True
    return False


@pytest.mark.parametrize("kind", GOALS)
def test_both_players_solve_every_sort_of_task(kind) -> None:
    play = playing(kind)
    commands = plan(play.engine)
    for command in commands:
        assert not play.won and play.do(command) is not None
    assert play.won
    assert explored(play, 0.0, 0)


@pytest.mark.parametrize("kind", GOALS)
def test_the_oracle_takes_over_anywhere(kind) -> None:
    for seed in range(30):
        play, dice = playing(kind), random.Random(seed)
        for _ in range(dice.randrange(40)):
            play.do(dice.choice(play.admissible()))
        for _ in range(20):
            if play.won:
                break
            play.do(next_command(play))
        assert play.won, (kind, seed)


def test_the_explorer_knows_nothing_that_was_not_read() -> None:
    """Moving what it has not seen does not change what it does first."""
    play = playing("pick_heat_then_place_in_recep")
    first = Explorer(play.engine.room.game.goal, 0.0, 0)
    command = first.next(play.begin(), play.admissible())
    emptied = play.state._replace(inside=tuple(() for _ in play.state.inside))
    text = play.begin()
    play.load(emptied)
    assert Explorer(play.engine.room.game.goal, 0.0, 0).next(text, play.admissible()) == command


def test_the_explorer_wins_nine_in_ten_of_the_real_games_it_is_measured_on(real: str) -> None:
    source = opened(real)
    if "valid_seen" not in source.splits:
        pytest.skip(f"{real} has no valid_seen")
    games = [source.game(entry) for entry in source.entries("valid_seen")]
    won = [explored(Play(Engine(compiled(game))), 0.0, 0) for game in games]
    assert sum(won) >= 0.9 * len(won)


@pytest.mark.slow
def test_the_oracle_wins_every_real_game_and_so_does_its_walkthrough(real: str) -> None:
    source = opened(real)
    for entry in (entry for split in source.splits for entry in source.entries(split)):
        engine = Engine(compiled(source.game(entry)))
        assert plan(engine, 50)
        play = Play(engine)
        play.begin()
        for command in engine.room.game.walkthrough:
            assert play.do(command) is not None, (entry.id, command)
        assert play.won, entry.id

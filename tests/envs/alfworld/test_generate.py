"""Generated games: the same everywhere, won once each, fair between splits; files that TextWorld plays."""

import random
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.errors import ConfigError, DataError
from agentrl_envs.alfworld.engine import Engine, Play
from agentrl_envs.alfworld.env import AlfWorld
from agentrl_envs.alfworld.game import KINDS, Kind
from agentrl_envs.alfworld.generate import SENTENCES, choices, generated, possible
from agentrl_envs.alfworld.generate_files import main, problem_text, shared, texts, write
from agentrl_envs.alfworld.generate_source import NAME, Generated, layouts
from agentrl_envs.alfworld.pddl import problem
from agentrl_envs.alfworld.priors import PER_HUNDRED
from agentrl_envs.alfworld.room import compiled
from agentrl_envs.alfworld.scenes import HOLDS, MARKS, SORTS, layout, lies, numbers
from agentrl_envs.alfworld.sources import Entry, opened
from tests.golden.alfworld import Games

TEXTWORLD = find_spec("textworld") and find_spec("alfworld")
some = st.tuples(st.sampled_from(numbers()), st.sampled_from(KINDS), st.integers(0, 10**6)).filter(
    lambda drawn: possible(drawn[0], drawn[1])
)


@given(some, st.sampled_from((0.0, 0.5, 1.0)))
def test_every_game_begins_unwon_and_its_walkthrough_wins_it(drawn, difficulty) -> None:
    game = generated(*drawn, difficulty)
    play = Play(Engine(compiled(game)))
    play.begin()
    for command in game.walkthrough:
        assert not play.won
        assert play.do(command) is not None
    assert play.won


@pytest.mark.slow
@pytest.mark.parametrize("split", Generated(0.5).splits)
def test_every_game_of_a_split_is_won(split: str) -> None:
    source = Generated(0.5)
    for entry in source.entries(split):
        game = source.game(entry)
        assert game.goal.kind == entry.kind
        assert 2 <= len(game.walkthrough) <= 15


@given(some)
def test_a_game_follows_from_its_arguments_alone(drawn) -> None:
    before = generated(*drawn)
    random.seed(drawn[2])
    assert generated(*drawn) == before
    assert generated(*drawn, 0.6) != before


def test_panels_are_the_same_in_other_processes() -> None:
    script = (
        "from agentrl_envs.alfworld.env import AlfWorld; e = AlfWorld('test', data='generated');"
        "print(e.tasks('train').hash, e.tasks('dev').hash, e.tasks('test').hash, e.reset(seed=5)[0])"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
    env = AlfWorld("test", data=NAME)
    hashes = " ".join(env.tasks(split).hash for split in ("train", "dev", "test"))
    assert said.pop().strip() == f"{hashes} {env.reset(seed=5)[0]}".strip()


def test_panels_without_data_hold_every_sort_of_task_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)
    env = AlfWorld()
    sizes = {"train": 3000, "dev": 150, "test": 300}
    for split, size in sizes.items():
        panel = env.tasks(split)  # type: ignore[arg-type]
        assert Counter(task.data["kind"] for task in panel.tasks) == dict.fromkeys(KINDS, size // 6)
    # The first few stand for all: a curve looks at no more.
    assert set(Counter(task.data["kind"] for task in env.tasks("dev").tasks[:50])) == set(KINDS)
    env.reset(seed=0)
    assert env.admissible()


def test_no_layout_is_in_two_splits_and_every_split_has_every_sort_of_room() -> None:
    dealt = [layouts(split) for split in Generated(0.5).splits]
    assert sorted(number for part in dealt for number in part) == sorted(numbers())
    for part in dealt:
        assert {number // 100 for number in part} == {sort.first // 100 for sort in SORTS}
    rooms = [tuple((r.kind, r.location, r.opens) for r in layout(number).receptacles) for number in numbers()]
    assert len(set(rooms)) == len(rooms) == 120


def test_rooms_have_what_their_sort_of_room_has() -> None:
    kitchen = set(layout(1).kinds)
    assert {"fridge", "microwave", "sinkbasin", "garbagecan", "coffeemachine", "toaster"} <= (kitchen)
    assert all(possible(number, kind) for number in numbers()[:30] for kind in KINDS if "look" not in kind)
    assert not possible(1, "look_at_obj_in_light")
    assert not possible(301, "pick_heat_then_place_in_recep")
    with pytest.raises(KeyError):
        layout(31)


def test_every_class_that_the_tables_name_is_known_to_the_others() -> None:
    things = {thing for sort in SORTS for _, _, named in sort.things for thing in named.split()}
    places = {place for sort in SORTS for place in sort.receptacles}
    assert places == set(HOLDS)
    assert {thing for held in HOLDS.values() for thing in held} <= things
    assert {thing for marked in MARKS.values() for thing in marked} <= things
    assert things <= set(PER_HUNDRED)
    for sort in SORTS:
        for thing in (thing for _, _, named in sort.things for thing in named.split()):
            assert any(lies(thing, place) for place in sort.receptacles), thing


def test_goals_are_said_in_both_of_the_originals_ways() -> None:
    game = generated(1, "pick_cool_then_place_in_recep", 0)
    said = {generated(1, "pick_cool_then_place_in_recep", seed).text for seed in range(40)}
    assert game.text in said
    assert {text.startswith("cool some ") for text in said} == {True, False}
    for kind, ways in SENTENCES.items():
        assert len({way.format("mug", "desk") for way in ways}) == 2, kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_can_hold_what_is_asked_for(kind: Kind) -> None:
    for number in numbers():
        for target, items in choices(number, kind).items():
            assert kind == "look_at_obj_in_light" or set(items) <= HOLDS[target]


def test_the_dial_fills_rooms_and_hides_things() -> None:
    def measured(difficulty: float) -> tuple[float, float]:
        things = hidden = 0
        for seed in range(40):
            facts = generated(3, "pick_and_place_simple", seed, difficulty).facts
            opens = {receptacle for (receptacle,) in facts["openable"]}
            things += len(facts["objecttype"])
            hidden += sum(receptacle in opens for _, receptacle in facts["inreceptacle"])
        return things / 40, hidden / things

    for easy, hard in pairwise(measured(level) for level in (0.0, 0.5, 1.0)):
        assert easy[0] < hard[0] and easy[1] < hard[1]
    for bad in (-0.1, 1.5):
        with pytest.raises(ConfigError, match=r"env\.difficulty=.*from 0 to 1"):
            AlfWorld(difficulty=bad)


def test_an_id_of_another_version_or_difficulty_is_refused() -> None:
    source = Generated(0.5)
    entry = source.entries("generated_dev")[0]
    assert source.game(entry).id == entry.id
    for other in (entry.id.replace("1-", "0-", 1), entry.id.replace("0.5", "0.4"), "x", entry.id + "9/"):
        with pytest.raises(DataError, match=r"no game of this generator at difficulty 0\.5"):
            source.game(Entry(other, entry.kind))


@given(some)
def test_a_problem_reads_back_as_the_same_game(drawn) -> None:
    game = generated(*drawn)
    assert problem(problem_text(game)) == (game.facts, game.goal)


def original() -> dict[str, str]:
    """The original's domain and grammar, from the games or the package."""
    if not Games.place() and not TEXTWORLD:
        pytest.skip("neither the original's games nor its packages were found: set ALFWORLD_DATA")
    return dict(shared(Games.place()))


def test_files_read_back_as_the_same_games(tmp_path: Path) -> None:
    source, like = Generated(0.5), original()
    games = [source.game(entry) for entry in source.entries("generated_dev")[::10]]
    paths = write(games, tmp_path / "json_2.1.1" / "train", like)
    assert len(set(paths)) == len(games)
    back = opened(str(tmp_path))
    read = [back.game(entry) for entry in back.entries("train")]
    assert {(g.text, g.goal, str(g.facts), g.walkthrough) for g in read} == {
        (g.text, g.goal, str(g.facts), g.walkthrough) for g in games
    }
    assert texts(games[0], like)["solvable"] is True


def test_the_command_writes_as_many_as_asked_and_refuses_what_is_not_there(tmp_path: Path) -> None:
    original()
    place = Games.place()
    assert main([str(tmp_path), "games=12", *([f"like={place}"] if place else [])]) == 0
    assert len(opened(str(tmp_path)).entries("train")) == 12
    for words, why in (
        (["games=3"], "give a folder"),
        ([str(tmp_path), "gmes=3"], "gmes: give a folder"),
        ([str(tmp_path), "games=x"], "are numbers"),
        ([str(tmp_path), "split=generated_tets"], "did you mean 'generated_test'"),
        ([str(tmp_path), "games=0"], "games=0"),
    ):
        with pytest.raises((ConfigError, DataError), match=why):
            main(words)


@pytest.mark.slow
@pytest.mark.skipif(not TEXTWORLD, reason="TextWorld is not installed: pip install agentrl[alfworld-ref]")
def test_textworld_plays_thirty_generated_games_alike(tmp_path: Path) -> None:
    from benchmarks.alfworld_reference import POLICIES, Comparison

    assert main([str(tmp_path), "games=30", "split=generated_train"]) == 0
    source, found = opened(str(tmp_path)), Comparison()
    entries = source.entries("train")
    assert {entry.kind for entry in entries} == set(KINDS)
    for number, entry in enumerate(entries):
        found.episode(source, entry, POLICIES[number % len(POLICIES)], seed=number, steps=12)
    assert found.steps > 150
    assert found.differences == 0

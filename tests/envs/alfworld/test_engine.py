"""The oddities of the original, one by one, in a kitchen known by heart."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl_envs.alfworld.engine import Engine, Play
from agentrl_envs.alfworld.game import HELP, names
from agentrl_envs.alfworld.room import compiled
from tests.envs.alfworld.rooms import kitchen, playing

APPLE = ("go to table 1", "take apple 1 from table 1")
ALWAYS = ["help", "inventory", "look"]


def test_numbers_count_down_and_lists_follow_the_ids() -> None:
    found = names(["cabinet_bar_b", "cabinet_bar_a", "sink_bar_1_bar_sinkbasin", "agent1", "cabinet_bar_c"])
    assert [found[f"cabinet_bar_{x}"] for x in "abc"] == ["cabinet 3", "cabinet 2", "cabinet 1"]
    assert found["sink_bar_1_bar_sinkbasin"] == "sinkbasin 1"


def test_the_first_text_names_every_place_and_the_task() -> None:
    assert playing().begin() == (
        "-= Welcome to TextWorld, ALFRED! =-\n\nYou are in the middle of a room. Looking quickly around you,"
        " you see a cabinet 1, a desk 1, a drawer 2, a drawer 1, a fridge 1, a microwave 1, a sinkbasin 1,"
        " a stool 1, and a table 1.\n\nYour task is to: do pick_and_place_simple."
    )


def test_look_sees_nothing_in_the_middle_of_the_room() -> None:
    text = playing().do("look")
    assert text == "You are in the middle of a room. Looking quickly around you, you see nothing."


def test_only_places_elsewhere_are_offered_and_sorted_as_text() -> None:
    play = playing("pick_and_place_simple", "go to drawer 1")
    go = [command for command in play.admissible() if command.startswith("go to")]
    assert "go to drawer 2" not in go, "it shares the place with drawer 1"
    assert play.do("go to drawer 2") is None
    assert play.admissible() == sorted(play.admissible())
    assert {"examine drawer 1", "examine drawer 2", "open drawer 1", "open drawer 2", *ALWAYS} <= set(
        play.admissible()
    )


def test_a_list_of_two_has_a_comma_before_and() -> None:
    assert (
        playing().do("go to table 1")
        == "You arrive at table 1. On the table 1, you see a apple 1, and a bowl 1."
    )


def test_closed_places_hide_and_opening_shows() -> None:
    play = playing("pick_and_place_simple", "go to fridge 1")
    assert play.do("examine fridge 1") == "The fridge 1 is closed."
    assert play.do("take apple 2 from fridge 1") is None
    assert (
        play.do("open fridge 1") == "You open the fridge 1. The fridge 1 is open. In it, you see a apple 2."
    )
    assert play.do("close fridge 1") == "You close the fridge 1."


def test_one_hand_and_only_what_is_in_it_can_be_examined() -> None:
    play = playing("pick_and_place_simple", "go to table 1")
    assert play.do("examine apple 1") is None
    assert play.do("inventory") == "You are not carrying anything."
    assert play.do("take apple 1 from table 1") == "You pick up the apple 1 from the table 1."
    assert play.do("take bowl 1 from table 1") is None
    assert play.do("inventory") == "You are carrying: a apple 1."
    assert play.do("examine apple 1") == "There's nothing special about apple 1."


def test_what_a_receptacle_cannot_contain_stays_in_the_hand() -> None:
    play = playing("pick_and_place_simple", *APPLE)
    assert play.do("move apple 1 to stool 1") is None
    assert play.do("move apple 1 to table 1") == "You move the apple 1 to the table 1."


def test_the_floor_is_what_was_taken_here_and_laid_beside() -> None:
    play = playing("pick_and_place_simple", "go to drawer 1", "open drawer 1", "open drawer 2")
    assert play.do("look") == "You are facing the drawer 2, and drawer 1. Next to it, you see nothing."
    play.do("take knife 1 from drawer 1")
    play.do("move knife 1 to drawer 2")
    assert play.do("look") == "You are facing the drawer 2, and drawer 1. Next to it, you see a knife 1."
    play.do("take knife 1 from drawer 2")
    play.do("move knife 1 to drawer 1")
    assert play.do("look") == "You are facing the drawer 2, and drawer 1. Next to it, you see a knife 1."


HEAT = "go to microwave 1; heat apple 1 with microwave 1"
COOL = "go to fridge 1; cool apple 1 with fridge 1"
CLEAN = "go to sinkbasin 1; clean apple 1 with sinkbasin 1"


@pytest.mark.parametrize(
    ("commands", "text"),
    [
        (HEAT, "This is a hot apple 1."),
        (COOL, "This is a cold apple 1."),
        (CLEAN, "This is a clean apple 1."),
        (f"{CLEAN}; {COOL}", "This is a cool and clean apple 1."),
        (f"{HEAT}; {CLEAN}", "This is a hot and clean apple 1."),
        (f"{COOL}; {HEAT}", "This is a hot apple 1."),
        (f"{HEAT}; {COOL}", "This is a cold apple 1."),
    ],
)
def test_treatments_need_no_open_door_and_heat_and_cold_undo_each_other(commands: str, text: str) -> None:
    assert playing("pick_and_place_simple", *APPLE, *commands.split("; ")).do("examine apple 1") == text


def test_a_knife_in_the_hand_slices_even_behind_a_closed_door() -> None:
    play = playing("pick_and_place_simple", "go to drawer 1", "open drawer 1", "take knife 1 from drawer 1")
    play.do("go to fridge 1")
    assert play.do("slice apple 2 with knife 1") == "You sliced the apple 2 with the knife 1."
    for command in ("go to drawer 1", "move knife 1 to drawer 1", "go to fridge 1", "open fridge 1"):
        play.do(command)
    play.do("take apple 2 from fridge 1")
    assert play.do("examine apple 2") == "This is a sliced apple 2."
    play.do("cool apple 2 with fridge 1")
    assert play.do("examine apple 2") == "This is a cool sliced apple 2."


def test_a_bowl_is_seen_into_and_its_contents_never_change() -> None:
    play = playing("pick_and_place_simple", "go to table 1", "take bowl 1 from table 1")
    assert play.do("examine bowl 1") == "This is a normal bowl 1. In it, you see a apple 1."


def test_lamps_are_only_ever_turned_on() -> None:
    play = playing("pick_and_place_simple", "go to desk 1")
    assert play.do("use desklamp 1") == play.do("use desklamp 1") == "You turn on the desklamp 1."


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_blanks_around_a_command_do_not_matter_and_all_else_does(blank: str) -> None:
    play = playing()
    assert play.do(f"{blank}look{blank}") is not None
    for wrong in ("Look", "look around", "go  to table 1", "", "take apple", "go to table"):
        before = play.state
        assert play.do(wrong) is None
        assert play.state is before


def test_help_is_the_game_s_own() -> None:
    assert playing().do("help") == HELP


WINS = {
    "pick_and_place_simple": "take apple; go to drawer 1; open drawer 1; move apple 1 to drawer 1",
    "look_at_obj_in_light": "go to table 1; take bowl 1 from table 1; go to desk 1; use desklamp 1",
    "pick_clean_then_place_in_recep": "go to table 1; take bowl 1 from table 1; go to sinkbasin 1;"
    " clean bowl 1 with sinkbasin 1; go to cabinet 1; open cabinet 1; move bowl 1 to cabinet 1",
    "pick_heat_then_place_in_recep": "take apple; go to microwave 1; heat apple 1 with microwave 1;"
    " go to table 1; move apple 1 to table 1",
    "pick_cool_then_place_in_recep": "take apple; go to fridge 1; cool apple 1 with fridge 1;"
    " go to cabinet 1; open cabinet 1; move apple 1 to cabinet 1",
    "pick_two_obj_and_place": "take apple; go to drawer 1; open drawer 1; move apple 1 to drawer 1;"
    " go to fridge 1; open fridge 1; take apple 2 from fridge 1; go to drawer 1; move apple 2 to drawer 1",
}


def commands_of(text: str) -> list[str]:
    """The commands in a line; "take apple" stands for fetching the one on the table."""
    return text.replace("take apple;", f"{'; '.join(APPLE)};").split("; ")


@pytest.mark.parametrize("kind", WINS)
def test_each_goal_holds_after_its_last_command_and_not_before(kind) -> None:
    play = playing(kind)
    for command in commands_of(WINS[kind]):
        assert not play.won
        assert play.do(command) is not None
    assert play.won
    assert play.do("look") is not None, "the game goes on"


def test_two_things_in_two_drawers_are_not_two_in_one() -> None:
    play = playing(
        "pick_two_obj_and_place", *commands_of(WINS["pick_two_obj_and_place"])[:-1], "open drawer 2"
    )
    assert play.do("move apple 2 to drawer 2") is not None
    assert not play.won


def test_older_words() -> None:
    play = Play(Engine(compiled(kitchen().spoken("0.3"))))
    play.begin()
    assert play.do("go to table 1") == "You arrive at loc 1. On the table 1, you see a apple 1, and a bowl 1."
    play.do("take apple 1 from table 1")
    assert "help" not in play.admissible() and play.do("move apple 1 to table 1") is None
    assert play.do("put apple 1 in/on table 1") == "You put the apple 1 in/on the table 1."


@given(st.lists(st.integers(0, 10**6), max_size=40), st.integers(0, 40))
def test_a_state_is_a_snapshot_and_equal_states_go_on_alike(draws: list[int], cut: int) -> None:
    play = playing("pick_heat_then_place_in_recep")
    kept, tail, texts = play.state, draws, None
    for number, draw in enumerate(draws):
        if number == cut:
            kept, tail, texts = pickle.loads(pickle.dumps(play.state)), draws[cut:], []
        offered = play.admissible()
        text = play.do(offered[draw % len(offered)])
        if texts is not None:
            texts.append(text)
    if texts is None:
        return
    end, twin = play.state, Play(play.engine)
    twin.load(kept)
    assert texts == [twin.do(twin.admissible()[draw % len(twin.commands)]) for draw in tail]
    assert twin.state == end and hash(twin.state) == hash(end)

"""Scripted customers: the expert always wins; the demonstrator's habits are wrong, but show every action."""

from collections import Counter
from dataclasses import fields, replace

import pytest

from agentrl.errors import ConfigError
from agentrl_envs.webshop import WebShop
from agentrl_envs.webshop.shopper import Figures, Habits, figures, player

ENV = WebShop("train", view="handles", instructions="plain")
TASKS = ENV.tasks("train").tasks


def actions(kind, number, seed=0, env=ENV):
    observation, _ = env.reset(options={"task": env.tasks("train")[number]})
    play = player(env, kind, seed)
    done, over = [], False
    while not over:
        done.append(play(observation))
        observation, _, terminated, truncated, info = env.step(done[-1])
        over = terminated or truncated
    return done, info


@pytest.mark.parametrize(("view", "instructions"), [("handles", "plain"), ("text", "templates")])
def test_the_expert_always_earns_everything_in_about_five_turns(view, instructions):
    env = WebShop("test", view=view, instructions=instructions)
    got = figures(env, "expert", env.tasks("test"))
    assert (got.episodes, got.success, got.score) == (300, 1.0, 1.0)
    assert got.turns < 5.1


def test_the_expert_also_wins_by_exact_options():
    env = WebShop("dev", reward="strict")
    assert figures(env, "expert", env.tasks("dev")).success == 1.0


def test_the_expert_can_take_over_anywhere():
    for number, detour in enumerate(
        (
            ["search[dress shirt]"],
            ["search[dress shirt]", "click[n3]"],
            ["search[dress shirt]", "click[n3]", "click[features]"],
            ["search[dress shirt]", "click[next >]", "click[next >]"],
            ["search[nothing of the kind]"],
        )
    ):
        ENV.reset(options={"task": TASKS[number]})
        for action in detour:
            ENV.step(action)
        play, over = player(ENV, "expert", 0), False
        while not over:
            _, _, terminated, truncated, info = ENV.step(play(""))
            over = terminated or truncated
        assert info["success"], detour


def test_the_expert_reads_a_sub_page_and_goes_on():
    target = ENV.world.goals["train"][0].asin
    ENV.reset(options={"task": TASKS[0]})
    play = player(ENV, "expert", 0)
    ENV.step(play(""))
    ENV.step(play(""))
    ENV.step("click[description]")
    assert play("") == "click[< prev]"
    assert ENV.shop.state.asin == target


def test_the_demonstrator_succeeds_a_third_of_the_time_and_its_mode_less():
    sampled, mode = figures(ENV, "demonstrator", TASKS), figures(ENV, "mode", TASKS)
    assert 0.27 <= sampled.success <= 0.40
    assert 0.10 <= mode.success <= 0.25
    assert 5 <= sampled.turns <= 7
    assert sampled.success < sampled.score < 1


def test_the_demonstrator_shows_every_action_that_success_needs():
    shown = Counter()
    for number in range(200):
        done, _ = actions("demonstrator", number, seed=number)
        shown.update(set(done))
        goal = ENV.world.goals["train"][number]
        full = " ".join([goal.query, *goal.attributes, *goal.options.values()])
        shown["a full query"] += done[0] == f"search[{full}]"
        shown["both options"] += all(f"click[{value}]" in done for value in goal.options.values())
    needed = (
        "click[description]",
        "click[features]",
        "click[< prev]",
        "click[next >]",
        "click[buy now]",
        "click[n0]",
        "click[n1]",
        "a full query",
        "both options",
    )
    assert min(shown[name] for name in needed) >= 5


def test_the_demonstrator_is_a_matter_of_task_and_seed():
    assert actions("demonstrator", 3, seed=1) == actions("demonstrator", 3, seed=1)
    assert len({tuple(actions("demonstrator", 3, seed=seed)[0]) for seed in range(10)}) > 3
    assert actions("mode", 3, seed=1) == actions("mode", 3, seed=2)


def test_the_demonstrator_acts_alike_in_every_view():
    text = WebShop("train", view="text", instructions="plain")
    for number in range(20):
        short, named = actions("demonstrator", number)[0], actions("demonstrator", number, env=text)[0]
        opened = [not a.startswith("click[b0") for a in named]
        assert [a for a, keep in zip(short, opened, strict=True) if keep] == [
            a for a, keep in zip(named, opened, strict=True) if keep
        ]


def test_the_demonstrator_does_not_know_the_target():
    """The same goal made from another product leads to the same actions."""
    for number in range(20):
        known, _ = actions("demonstrator", number)
        observation, _ = ENV.reset(options={"task": TASKS[number]})
        ENV.shop.goal = replace(ENV.shop.goal, asin="B000000000", name="something else")
        play = player(ENV, "demonstrator", 0)
        for expected in known:
            assert play(observation) == expected
            ENV.step(expected)


def test_a_random_customer_searches_buys_and_seldom_succeeds():
    for number in range(20):
        done, info = actions("random", number, seed=number)
        assert done[0].startswith("search[")
        assert info["metrics"]["searches"] + info["metrics"]["clicks"] == len(done)
    assert actions("random", 3, seed=1) == actions("random", 3, seed=1)
    got = figures(ENV, "random", TASKS)
    assert got.success < 0.03 and got.score > 0.01


def test_habits_are_probabilities():
    for field in fields(Habits):
        if "int" not in str(field.type):
            value = getattr(Habits(), field.name)
            assert all(0 < p < 1 for p in (value if isinstance(value, tuple) else (value,)))


def test_the_environment_offers_the_same_players():
    ENV.reset(options={"task": TASKS[0]})
    assert ENV.player("expert", 0)("") == player(ENV, "expert", 0)("")


def test_an_unknown_player_is_refused():
    ENV.reset(options={"task": TASKS[0]})
    with pytest.raises(ConfigError) as caught:
        player(ENV, "exprt", 0)
    assert (
        str(caught.value)
        == "no player 'exprt'; there are expert, demonstrator, mode, random; did you mean 'expert'?"
    )


def test_figures_need_an_episode():
    with pytest.raises(ConfigError, match="no tasks to play"):
        figures(ENV, "expert", [])
    assert figures(ENV, "expert", TASKS[:1]) == Figures(1, 1.0, 1.0, 5.0)

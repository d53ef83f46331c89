"""The world of tools as an environment: played, judged, counted, and what its questions give away."""

from collections import Counter
from typing import Any

import pytest

from agentrl.errors import ConfigError, DataError
from agentrl.toolcalls import written
from agentrl.types import Task
from agentrl_envs.tools import ToolWorld
from agentrl_envs.tools.env import plain

LINE = {"form": "line", "people": 6, "shown": 3, "hops": 1}
FORMS: dict[str, dict[str, Any]] = {"text": {}, "line": LINE}


def played(env: ToolWorld, task: Task, kind: str, seed: int = 0) -> dict[str, Any]:
    observation, info = env.reset(options={"task": task})
    play, over = env.player(kind, seed), False  # type: ignore[arg-type]
    while not over:
        observation, _, terminated, truncated, info = env.step(play(observation))
        over = terminated or truncated
    return info


@pytest.mark.parametrize("form", FORMS)
def test_playing_the_plan_answers_every_question_with_exactly_the_fewest_calls(form: str) -> None:
    env = ToolWorld(**FORMS[form])
    for task in env.tasks("dev").tasks[:120]:
        info = played(env, task, "expert")
        assert info["success"] and info["metrics"]["excess"] == 0
        assert info["metrics"]["calls"] == task.data["min_calls"] <= env.scene.missing


@pytest.mark.parametrize("form", FORMS)
def test_the_demonstrator_is_mostly_right_and_calls_far_too_often(form: str) -> None:
    env = ToolWorld(**FORMS[form])
    ends = [played(env, task, "demonstrator", n) for n, task in enumerate(env.tasks("dev").tasks[:120])]
    calls = sum(end["metrics"]["calls"] for end in ends)
    assert 0.8 < sum(end["success"] for end in ends) / len(ends) < 1
    assert calls > 1.5 * sum(end["metrics"]["min_calls"] for end in ends)
    shortest = [end for end in ends if end["success"] and end["metrics"]["excess"] == 0]
    assert len(shortest) > 6, "now and then it shows the shortest way"


@pytest.mark.parametrize("form", FORMS)
def test_who_never_calls_is_right_where_no_call_is_needed_and_hardly_elsewhere(form: str) -> None:
    env = ToolWorld(**FORMS[form])
    right: dict[bool, list[bool]] = {True: [], False: []}
    for number, task in enumerate(env.tasks("dev").tasks[:120]):
        info = played(env, task, "never", number)
        assert info["metrics"]["calls"] == 0
        right[task.data["min_calls"] == 0].append(info["success"])
    assert all(right[True]) and sum(right[False]) / len(right[False]) < 0.25


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("turns", [1, 2, 12])
def test_who_always_calls_does_so_in_every_turn_but_the_last(form: str, turns: int) -> None:
    env = ToolWorld(max_turns=turns, **FORMS[form])
    for number, task in enumerate(env.tasks("dev").tasks[:40]):
        info = played(env, task, "always", number)
        assert info["metrics"]["calls"] == turns - 1 and not info["metrics"]["bad_calls"]
        if turns > task.data["min_calls"]:
            assert info["success"], "by then it knows what the expert knows"


@pytest.mark.parametrize("form", FORMS)
def test_who_plays_at_random_is_understood_and_is_seldom_right(form: str) -> None:
    env = ToolWorld(**FORMS[form])
    ends = [played(env, task, "random", n) for n, task in enumerate(env.tasks("dev").tasks[:120])]
    assert not any(end["metrics"]["bad_calls"] for end in ends)
    assert 0 < sum(end["success"] for end in ends) / len(ends) < 0.4
    ends = [played(env, env.tasks("dev")[0], "random", 5) for _ in range(2)]
    one, two = ([{**call, "seconds": 0.0} for call in end.pop("calls")] for end in ends)
    assert ends[0] == ends[1] and one == two, "but for how long calls took"


def test_players_know_only_what_was_read() -> None:
    """A guess is a name or number of the question, the facts told or those found out."""
    env = ToolWorld()
    for number, task in enumerate(env.tasks("dev").tasks[:60]):
        if not task.data["min_calls"]:
            continue
        observation, _ = env.reset(options={"task": task})
        guess = env.player("never", number)(observation).removeprefix("Answer: ")
        assert guess in observation.lower()


def test_the_limits_are_those_of_the_form() -> None:
    """Sentences hold 8 calls a turn and 32 an episode, lines one call a turn; a search costs 2."""
    limits = {}
    for form, options in FORMS.items():
        env = ToolWorld(**options)
        metrics = played(env, env.tasks("dev")[0], "expert")["metrics"]
        limits[form] = metrics["calls_limit"], metrics["cost_limit"]
    assert limits == {"text": (32.0, 64.0), "line": (12.0, 24.0)}


def test_no_two_splits_share_names_or_questions() -> None:
    env, told = ToolWorld(), {}
    for split in ("train", "dev", "test"):
        told[split] = set()
        for task in env.tasks(split).tasks[:150]:
            env.reset(options={"task": task})
            told[split] |= set(env.scene.records.people)
    assert not (told["train"] & told["dev"] or told["train"] & told["test"] or told["dev"] & told["test"])


def test_in_sentences_no_two_splits_share_relations_or_ways_to_ask() -> None:
    shared, words = {"home", "capital"}, {}
    for split in ("train", "dev", "test"):
        env = ToolWorld(split)
        related, ways = set(), set()
        for task in env.tasks(split).tasks[:150]:
            env.reset(options={"task": task})
            related |= {relation for chain in env.scene.question.chains for relation in chain.relations}
            ways.add(env.goal().split(" of ")[0].removesuffix(env.scene.question.chains[0].relations[-1]))
        words[split] = related - shared, ways
    for one, other in (("train", "dev"), ("train", "test"), ("dev", "test")):
        assert not words[one][0] & words[other][0]
        assert not words[one][1] & words[other][1]


def test_small_models_are_tested_on_questions_that_were_never_asked() -> None:
    env, asked = ToolWorld(**LINE), {}
    for split in ("train", "dev"):
        asked[split] = set()
        for task in env.tasks(split).tasks[:200]:
            env.reset(options={"task": task})
            asked[split].add(env.goal())
    common = asked["train"] & asked["dev"]
    assert all(goal.endswith("capital") and len(goal.split()) == 2 for goal in common)


def test_the_form_of_a_question_does_not_tell_how_many_calls_it_takes() -> None:
    """The best guess from kind, length and facts told is right about as rarely as the best guess without."""
    env = ToolWorld()
    seen: Counter[tuple[Any, int]] = Counter()
    for task in env.tasks("train").tasks[:1000]:
        env.reset(options={"task": task})
        form = tuple(chain.relations for chain in env.scene.question.chains), len(env.scene.told)
        seen[(tuple(map(len, form[0])), form[1]), task.data["min_calls"]] += 1
    best = {form: max(n for (f, _), n in seen.items() if f == form) for form, _ in seen}
    assert sum(best.values()) / sum(seen.values()) < 0.65


def test_answers_are_as_good_as_never_guessed() -> None:
    env = ToolWorld()
    answers: Counter[str] = Counter()
    for task in env.tasks("train").tasks[:1000]:
        env.reset(options={"task": task})
        answers[env.answer] += 1
    assert answers.most_common(1)[0][1] / 1000 < 0.02


def test_tools_answer_what_is_on_record_and_say_when_nothing_is() -> None:
    env = ToolWorld()
    env.reset(seed=3)
    person = env.scene.records.people[0]
    coins = env.scene.records.facts[person, "coins"]
    fact = f"The coins of {person.title()} is {coins}."
    assert env.lookup(person.upper(), "Coins") == fact
    assert fact in env.search(f"who is {person.title()}?")
    assert env.lookup("nobody", "boss") == "Nothing is on record about the boss of nobody."
    assert env.calculate("2 * 21") == "42"
    observation, *_ = env.step(written("calculate", {"expression": "__import__('os')"}))
    assert observation.startswith("Not understood")


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("Answer: Ada Fox", "ada fox"), ("**Answer: 12.**", "12"), ("ada  fox", "ada fox"),
        ("Answer: a\nAnswer: b", "b"), ("", ""),
    ],
)  # fmt: skip
def test_an_answer_is_found_in_what_is_said(said: str, heard: str) -> None:
    assert plain(said) == heard


def test_listing_every_answer_is_no_answer() -> None:
    env = ToolWorld()
    env.reset(seed=0)
    everything = " ".join([*env.scene.records.people, env.answer])
    assert env.step(f"Answer: {everything}")[4]["success"] is False


def test_the_short_form_reads_its_own_grammar_only() -> None:
    env = ToolWorld(**LINE)
    env.reset(seed=1)
    observation, _, terminated, _, info = env.step("please look it up")
    assert observation.startswith("say lookup") and not info["valid"] and not terminated
    assert env.step("LOOKUP nobody boss")[0] == "nothing"
    assert env.step(f"answer {env.answer}")[4]["success"]


def test_wrong_settings_and_tasks_are_refused_in_a_line() -> None:
    with pytest.raises(
        ConfigError, match=r"env\.form='lines' is not one of text, line; did you mean 'line'\?"
    ):
        ToolWorld(form="lines")
    with pytest.raises(ConfigError, match=r"env\.most=5: must be from 0 to 4"):
        ToolWorld(most=5)
    with pytest.raises(ConfigError, match=r"env\.people=9: .* env\.form=line knows 8; take fewer"):
        ToolWorld(form="line", people=9)
    assert ToolWorld(**{**LINE, "people": 8}).reset(seed=1)
    for data in ({}, {"min_calls": True}, {"min_calls": 5}):
        with pytest.raises(DataError, match=f"min_calls is {data.get('min_calls')}, not from 0 to 4"):
            ToolWorld().reset(options={"task": Task("x", "dev", 0, data=data)})


def test_an_interpreter_is_offered_where_it_is_asked_for() -> None:
    assert "python" not in ToolWorld().toolbox()
    with pytest.raises(ConfigError, match=r"needs env\.form=text"):
        ToolWorld(python=True, form="line")
    try:
        env = ToolWorld(python=True)
    except ConfigError as why:
        pytest.skip(str(why))  # no sandbox works here
    env.reset(seed=0)
    try:
        assert env.tools()[-1]["function"]["name"] == "python"
        assert env.step(written("python", {"code": "x = 6\nx * 7"}))[0] == "42"
        assert "no tool 'pythn'; did you mean 'python'?" in env.step(written("pythn", {}))[0]
    finally:
        env.close()

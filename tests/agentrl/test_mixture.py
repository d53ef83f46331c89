"""Several environments as one: named, set, played and drawn from by their shares."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agentrl.check import check_command
from agentrl.config import from_toml, make_env, parse, to_toml
from agentrl.drawing import Draw
from agentrl.env import SPLITS, TextEnv
from agentrl.errors import ConfigError
from agentrl.mixture import is_mixture, parts, spelled, weights
from agentrl.registry import find
from agentrl.settings import Settings
from agentrl.types import Trajectory

COUNT = Path(__file__).parent / "plugins" / "count.py"
MIX = "guess:2,other=guess:1"


def settings(*words: str, env: str = MIX) -> Settings:
    return parse([f"env={env}", "algo=grpo", "rollout.tasks=9", *words])


def world(chosen: Settings) -> TextEnv:
    return make_env(chosen, "train")


def test_members_are_named_weighed_and_spelled_back() -> None:
    found = parts(f"guess:2, hard=math,{COUNT}:Count:0.5")
    assert [(p.label, p.name, p.weight) for p in found] == [
        ("guess", "guess", 2.0), ("hard", "math", 1.0), ("count", f"{COUNT}:Count", 0.5),
    ]  # fmt: skip
    assert parts(spelled(found)) == found
    assert not is_mixture("guess") and weights("guess") == {"": 1.0}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("guess:0,math", r"the weight of 'guess' is 0; a share is above 0"),
        ("guess,guess", r"'guess' stands there twice; name one of them: other=guess"),
        ("guess,", r"'' is not of the form NAME, NAME:WEIGHT or LABEL=NAME:WEIGHT"),
        ("guess,a.b=math", r"'a.b=math' is not of the form"),
        ("guess,mth:2", r"no env 'mth'; did you mean 'math'\?"),
    ],
)
def test_a_mixture_that_is_none_is_refused(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        parse([f"env={text}", "algo=grpo"])


def test_each_member_has_settings_of_its_own_and_they_come_back_from_the_file(tmp_path: Path) -> None:
    got = settings("env.guess.max_turns=4", "other.max_turns=5")
    assert got.env_options == {"guess.max_turns": 4, "other.max_turns": 5}
    assert from_toml(to_toml(got)) == got and "[env.other]\nmax_turns = 5" in to_toml(got)
    (tmp_path / "a.toml").write_text("[env.guess]\nmax_turns = 3\n")
    assert settings(f"@{tmp_path}/a.toml").env_options["guess.max_turns"] == 3
    with pytest.raises(
        ConfigError, match=r"no setting 'env.max_turns'; there is env.guess.max_turns and env.other"
    ):
        settings("env.max_turns=3")
    with pytest.raises(
        ConfigError, match=r"'max_turns' could mean env.guess.max_turns or env.other.max_turns"
    ):
        settings("max_turns=3")
    with pytest.raises(
        ConfigError, match=r"no setting 'env.guess.max_turn'; did you mean 'env.guess.max_turns'"
    ):
        settings("env.guess.max_turn=3")


def test_what_the_tiny_model_is_asked_for_suits_every_member() -> None:
    got = parse(["env=math:1,code:1", "algo=grpo"])
    assert (got.rollout.max_tokens, got.rollout.max_context, got.learner.lr) == (40, 192, 3e-4)
    assert got.env_options["math.form"] == "arithmetic" and got.env_options["code.view"] == "holes"
    assert parse(["env=math:1,guess:1", "algo=grpo"]).rollout.max_context == 512


def test_an_episode_is_the_members_own() -> None:
    chosen = settings("env.other.max_turns=2")
    both, alone = world(chosen), find("envs", "guess")("train", max_turns=2)
    task = next(task for task in both.tasks("train") if task.id.startswith("other/"))
    assert task.data["kind"] == "other"
    own = next(t for t in alone.tasks("train") if f"other/{t.id}" == task.id)
    first, info = both.reset(options={"task": task})
    assert first == alone.reset(options={"task": own})[0] and info["task"] == task.id
    assert both.goal() == alone.goal() and both.instructions() == alone.instructions()
    seen = both.snapshot()
    assert both.step("0")[:4] == alone.step("0")[:4]
    again, _ = world(chosen).restore(seen)
    assert again == first
    assert both.step("0")[3], "two turns, as this member was told"


def test_panels_hold_every_member_from_the_first_tasks_on() -> None:
    env = world(settings())
    for split in SPLITS:
        panel = env.tasks(split)
        assert Counter(t.data["kind"] for t in panel.tasks[:20]) == {"guess": 10, "other": 10}
        assert len({t.id for t in panel}) == len(panel) == 2 * len(find("envs", "guess")(split).tasks(split))


def test_the_rules_of_environments_hold_for_a_mixture(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_command([f"env=guess:1,{COUNT}:1"]), capsys.readouterr().out


def drawn(draw: Draw, iteration: int) -> list[str]:
    return [task.id for _, task in draw.tasks(iteration)]


def test_shares_are_kept_and_every_task_comes_before_any_again() -> None:
    chosen = settings()
    panel = world(chosen).tasks("train")
    draw = Draw(chosen, panel)
    rounds = [drawn(draw, i) for i in range(60)]
    for names in rounds:
        assert Counter(name.partition("/")[0] for name in names) == {"guess": 6, "other": 3}
        assert len(set(names)) == 9
    seen = Counter(name for names in rounds[:33] for name in names if name.startswith("guess/"))
    assert len(seen) == 198 and set(seen.values()) == {1}


def test_what_is_drawn_does_not_depend_on_what_was_asked_before() -> None:
    chosen = settings()
    panel = world(chosen).tasks("train")
    one, two = Draw(chosen, panel), Draw(chosen, panel)
    late = drawn(two, 30)
    for i in range(30):
        drawn(one, i)
    assert drawn(one, 30) == late == drawn(one, 30)
    assert drawn(two, 3) == drawn(Draw(chosen, panel), 3)
    rest = [task.id for _, task in one.further(30)]
    assert sorted(rest + late) == sorted(task.id for task in panel)
    assert Counter(name.partition("/")[0] for name in rest[:30]) == {"guess": 20, "other": 10}


def test_one_environment_is_drawn_from_as_a_panel_in_a_new_order_each_time() -> None:
    chosen = settings(env="guess")
    draw = Draw(chosen, world(chosen).tasks("train"))
    first = [name for i in range(22) for name in drawn(draw, i)]
    assert len(set(first)) == 198
    for i in range(22, 60):
        assert len(set(drawn(draw, i))) == 9, "a task gives way at the turn of a panel"


def played(draw: Draw, iteration: int, solved: Any) -> list[Trajectory]:
    """Return two episodes a task, both scored `solved(task, sample)`."""
    return [
        Trajectory(task, task.id, sample, (), "success", score=float(solved(task, sample)))
        for _, task in draw.tasks(iteration)
        for sample in range(2)
    ]


def test_tasks_and_environments_that_teach_nothing_are_drawn_less_often_and_never_dropped() -> None:
    chosen = settings("run.curriculum=success")
    panel = world(chosen).tasks("train")
    draw = Draw(chosen, panel)
    easy = {task.id for number, task in enumerate(panel) if number % 4 < 2}  # of both members

    def mixed(task: Any, sample: int) -> bool:
        return sample == 0 if task.id in easy and task.id.startswith("guess/") else True

    counts: Counter[str] = Counter()
    for iteration in range(150):
        episodes = played(draw, iteration, mixed)
        draw.hear(episodes)
        counts.update(e.task.id for e in episodes if e.sample == 0)
    shares = Counter(
        {label: sum(n for i, n in counts.items() if i.startswith(label)) for label in ("guess", "other")}
    )
    assert 0 < shares["other"] < shares["guess"] / 4, (
        "all of its groups end alike; by weight it would be a half"
    )
    useful = sum(n for i, n in counts.items() if i in easy and i.startswith("guess"))
    idle = sum(n for i, n in counts.items() if i not in easy and i.startswith("guess"))
    assert 0 < idle < 0.6 * useful


def test_a_curriculum_goes_on_from_what_a_checkpoint_kept() -> None:
    chosen = settings("run.curriculum=success")
    panel = world(chosen).tasks("train")
    whole, half = Draw(chosen, panel), Draw(chosen, panel)
    for iteration in range(12):
        for draw in (whole, half) if iteration < 6 else (whole,):
            draw.hear(played(draw, iteration, lambda task, sample: hash(task.seed) % 3 or sample))
    resumed = Draw(chosen, panel, half.state)
    for iteration in range(6, 12):
        resumed.hear(played(resumed, iteration, lambda task, sample: hash(task.seed) % 3 or sample))
    assert resumed.state == whole.state and drawn(resumed, 12) == drawn(whole, 12)


def test_a_curriculum_needs_groups() -> None:
    from agentrl.preflight import preflight

    with pytest.raises(
        ConfigError, match=r"run.curriculum=success asks whether the episodes of a task end alike"
    ):
        preflight(parse(["env=guess", "algo=sft", "run.curriculum=success"]))
    preflight(settings("run.curriculum=success"))

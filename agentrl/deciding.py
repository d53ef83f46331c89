"""Measuring a policy that decides at test time: among replies, among states, among whole episodes.

Whoever chooses by `value`, `majority` or a verifier does not see what an episode earned; `oracle` does, and
says what a perfect choice would come to. What was played to choose from is counted in `Measurement.spent`.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from agentrl.env import TextEnv
from agentrl.errors import ConfigError, nearest
from agentrl.offers import names
from agentrl.records import Measurement, measured
from agentrl.registry import find, is_path
from agentrl.rollout.collect import Collector, Start
from agentrl.rollout.lookahead import Beam, searched
from agentrl.rollout.valued import ValuedActor, Values, last_context
from agentrl.settings import EvalSettings
from agentrl.statistics import Interval, bootstrap, pass_at
from agentrl.submissions import Answering, share, submission, unmet
from agentrl.types import Panel, Trajectory
from agentrl.verify import as_verifier, verdict_of

CHOICES = ("value", "majority", "oracle")
"""ways to choose an episode beside verifiers"""
Choice = Callable[[Sequence[Trajectory]], int]
"""From the episodes of a task to the place of one of them"""


def asks_value(how: EvalSettings) -> bool:
    """Tell whether deciding in this way needs a trained value."""
    return how.decode != "best_of_n" or how.choose == "value"


def starts_of(panel: Panel, count: int = 1) -> list[Start]:
    """Return `count` starts of each task of a panel, in its order."""
    return [Start(task, task.id, i, number) for number, task in enumerate(panel) for i in range(count)]


def decided(
    how: EvalSettings, panel: Panel, collector: Collector, values: Values | None, env: TextEnv
) -> Measurement:
    """Return how a panel went whose episodes were decided as the settings say, and what that cost.

    `env` is of the kind that is played; it is asked what answers are equal.

    Errors: ConfigError where nothing can be chosen by what is asked for.
    """
    begun = time.perf_counter()
    if how.decode == "best_of_n":
        episodes, spent, shares = _best_of_n(how, panel, collector, values, env)
        name = f"best of {how.candidates} by {how.choose}"
    else:
        assert values is not None
        episodes, spent = _searched(how, panel, collector, values)
        shares = {}
        name = f"{how.decode} {how.candidates}" + (" action" if how.look == "action" else "")
    found = measured(panel, name, episodes, time.perf_counter() - begun)
    return replace(found, spent=spent, shares=shares)


def _searched(
    how: EvalSettings, panel: Panel, collector: Collector, values: Values
) -> tuple[list[Trajectory], dict[str, float]]:
    """Return the episodes of a search turn by turn, and what it cost."""
    if how.look == "action":
        if how.decode == "value_beam":
            raise ConfigError("eval.look=action: a beam is of states; use eval.decode=best_of_k")
        actor = ValuedActor(collector.actor, values, how.candidates)
        played = [episode.trajectory for episode in replace(collector, actor=actor).play(starts_of(panel))]
        return played, {"turns": float(sum(len(e.turns) for e in played)), "tokens": float(actor.tokens)}
    beam = Beam(how.candidates if how.decode == "value_beam" else 1, how.candidates)
    episodes, spent = searched(starts_of(panel), collector, values, beam)
    cost = {"turns": spent.turns, "restored states": spent.restores, "tokens": spent.tokens}
    return episodes, {name: float(count) for name, count in cost.items()}


def _best_of_n(
    how: EvalSettings, panel: Panel, collector: Collector, values: Values | None, env: TextEnv
) -> tuple[list[Trajectory], dict[str, float], dict[str, Interval]]:
    """Return the chosen episode of each task, what all cost, and what other choices would come to."""
    choose = choice(how.choose, values, env, panel)
    played = [episode.trajectory for episode in collector.play(starts_of(panel, how.candidates))]
    groups = [played[i : i + how.candidates] for i in range(0, len(played), how.candidates)]
    turns = [turn for episode in played for turn in episode.turns]
    spent = {
        "episodes": float(len(played)),
        "turns": float(len(turns)),
        "tokens": float(sum(len(turn.action_ids) for turn in turns)),
    }
    shares = {f"pass@{k}": bootstrap(attempts(groups, k)) for k in _powers(how.candidates)}
    if isinstance(env, Answering):
        agreed = choice("majority", None, env, panel)
        shares["majority"] = bootstrap([group[agreed(group)].success for group in groups])
    return [group[choose(group)] for group in groups], spent, shares


def attempts(groups: Sequence[Sequence[Trajectory]], k: int) -> list[float]:
    """Return pass@k of each task, estimated from its episodes; those that failed to play are not solved."""
    return [pass_at(k, len(group), sum(e.success for e in group)) for group in groups]


def choice(name: str, values: Values | None, env: TextEnv, panel: Panel) -> Choice:
    """Return how one of a task's episodes is chosen: the first of the best.

    Errors: ConfigError for an unknown name, and where there is nothing to choose by.
    """
    if name == "value":
        assert values is not None
        return lambda group: _best(values([last_context(e) for e in group]))
    if name == "oracle":
        return lambda group: _best([e.score + e.success for e in group])
    if name == "majority":
        if not isinstance(env, Answering):
            raise ConfigError(
                f"eval.choose=majority: episodes of env '{env.name}' end with no answer to agree on;"
                " use value, oracle or a verifier"
            )
        return lambda group: majority([env.answer_in(e.turns[-1].action) if e.turns else None for e in group])
    known = [*CHOICES, *names("verifiers")]
    if not is_path(name) and name not in known:
        raise ConfigError(f"eval.choose={name}{nearest(name, known)} (there are: {', '.join(known)})")
    judge = as_verifier(find("verifiers", name))
    missing = unmet(judge, panel[0])
    if missing:
        raise ConfigError(
            f"eval.choose={name} judges by {', '.join(missing)} of a task's data, which the tasks of env"
            f" '{env.name}' do not hold"
        )

    def judged(group: Sequence[Trajectory]) -> int:
        verdicts = [verdict_of(judge, submission(e), e.task) for e in group]
        return _best([share(verdict, judge) if verdict.known else -1.0 for verdict in verdicts])

    return judged


def majority(answers: Sequence[str | None]) -> int:
    """Return the place of the first of the answers given most often; 0 where none is given.

    >>> majority(["7", None, "8", "8"])
    2
    """
    votes = Counter(answer for answer in answers if answer is not None)
    return _best([votes[answer] if answer is not None else 0 for answer in answers])


def _best(worth: Sequence[float]) -> int:
    return max(range(len(worth)), key=worth.__getitem__)


def _powers(most: int) -> list[int]:
    """Return 1, 2, 4 and so on, and `most`."""
    return sorted({2**i for i in range(most.bit_length())} | {most})

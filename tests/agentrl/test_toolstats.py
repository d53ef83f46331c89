"""Figures of tool use: by hand, in every world that can be asked about, and in JSON."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.errors import DataError
from agentrl.statistics import bootstrap_ratio
from agentrl.toolstats import (
    Answered,
    ToolUse,
    answered,
    by_fewest,
    calls_of,
    cost_of,
    productivity,
    tool_use,
)
from agentrl.types import Task
from tests.agentrl.examples import episodes

ANSWERS = st.lists(
    st.builds(Answered, st.booleans(), st.integers(0, 5), st.floats(0, 9), st.none() | st.integers(0, 3)),
    min_size=1,
    max_size=20,
)


def test_by_hand() -> None:
    """Needed 0, 0, 2, 2; made 0, 1, 1, 3; the third is wrong."""
    made = [
        Answered(True, 0, 0, 0),
        Answered(True, 1, 2, 0),
        Answered(False, 1, 2, 2),
        Answered(True, 3, 6, 2),
    ]
    use = tool_use(made)
    assert (use.questions, use.em.mean, use.tc.mean, use.cost.mean) == (4, 0.75, 1.25, 2.5)
    assert isinstance(use.tp, type(use.em)) and use.tp.mean == 3 / 5
    assert use.excess is not None and use.excess.mean == pytest.approx((0 + 1 + 1) / 3)
    assert use.over is not None and use.over.mean == 0.5
    assert use.under is not None and use.under.mean == 0.5
    apart = by_fewest(made)
    assert list(apart) == [0, 2]
    assert apart[0].under is None and apart[2].over is None


@given(ANSWERS)
def test_whatever_is_asked_the_record_is_json_and_intervals_hold_their_middle(made: list[Answered]) -> None:
    use = tool_use(made, draws=50)
    text = json.dumps(use.record(), allow_nan=False)
    assert ("inf" in text) == (not any(a.calls for a in made) and any(a.correct for a in made))
    for part in (use.em, use.tc, use.cost):
        assert part.low <= part.mean + 1e-9 and part.mean <= part.high + 1e-9
    assert sum(one.questions for one in by_fewest(made, draws=50).values()) <= len(made)


@given(ANSWERS.filter(lambda made: any(a.calls for a in made)))
def test_productivity_is_em_over_tc(made: list[Answered]) -> None:
    use = tool_use(made, draws=50)
    value = productivity([a.correct for a in made], [a.calls for a in made])
    assert value == pytest.approx(use.em.mean / use.tc.mean)
    assert use.tp != "inf" and use.tp.mean == pytest.approx(value)


def test_nothing_called_is_infinitely_productive_only_where_something_is_right() -> None:
    assert productivity([1, 0], [0, 0]) == math.inf
    assert productivity([0, 0], [0, 0]) == 0.0
    wrong = tool_use([Answered(False, 0)])
    assert wrong.tp == type(wrong.em)(0.0, 0.0, 0.0)


def test_the_fewest_calls_make_no_excess_and_neither_miss_nor_exceed_what_is_needed() -> None:
    use: ToolUse = tool_use([Answered(True, k, k, k) for k in (0, 1, 2, 4)])
    for part in (use.excess, use.over, use.under):
        assert part is not None and part.mean == 0.0


def test_the_interval_of_a_ratio_is_that_of_resampled_questions() -> None:
    same = bootstrap_ratio([1.0] * 5, [2.0] * 5)
    assert (same.mean, same.low, same.high) == (0.5, 0.5, 0.5)
    wide = bootstrap_ratio([1.0, 0.0] * 20, [1.0, 3.0] * 20, seed=1)
    assert wide.low < wide.mean == 0.25 < wide.high
    with pytest.raises(DataError, match="sum other than 0"):
        bootstrap_ratio([1.0], [0.0])


def test_an_episode_tells_its_calls_by_measure_or_by_what_its_turns_hold() -> None:
    plain = episodes(1)[0]
    assert (calls_of(plain), cost_of(plain)) == (0.0, 0.0)
    turn = replace(plain.turns[0], calls=({"name": "a"}, {"name": "b", "cost": 2.5}))
    calling = replace(plain, turns=(turn,), task=Task("q", "test", 0, {"min_calls": 1}))
    assert (calls_of(calling), cost_of(calling)) == (2.0, 3.5)
    measured = replace(calling, metrics={"calls": 4.0, "cost": 0.5, "min_calls": 3.0})
    written = float(sum(len(turn.action_ids) for turn in measured.turns))
    assert written and answered(measured) == Answered(measured.success, 4.0, 0.5, 3.0, tokens=written)
    slow = replace(turn, calls=({"name": "a", "latency": 0.25}, {"name": "b"}))
    assert answered(replace(calling, turns=(slow,))).latency == 0.25
    assert answered(replace(measured, metrics={"latency": 2.0})).latency == 2.0
    assert answered(calling).fewest == 1.0 and answered(plain).fewest is None


def test_tokens_and_seconds_are_means_of_those_who_have_any() -> None:
    use = tool_use([Answered(True, 1, latency=1.0, tokens=30.0), Answered(True, 1, latency=0.0, tokens=10.0)])
    assert use.tokens is not None and (use.latency.mean, use.tokens.mean) == (0.5, 20.0)
    assert tool_use([Answered(True, 1)]).tokens is None


def test_a_number_of_calls_that_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="calls=-1: expected a finite number"):
        tool_use([Answered(True, -1)])
    with pytest.raises(DataError, match="one or more"):
        tool_use([])

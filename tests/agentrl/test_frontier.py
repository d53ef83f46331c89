"""No ticket is lost and none is settled twice, in whatever order they end and whoever is killed."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl.frontier import TRAINED, Frontier

DONE = st.sampled_from([TRAINED, "stale", "failed", "lost"])


def copied(frontier: Frontier) -> Frontier:
    return Frontier.of(frontier.state)


def adds_up(frontier: Frontier) -> bool:
    accounts = dict(frontier.accounts)
    accounts.pop("reissued")
    return accounts.pop("issued") == sum(accounts.values()) and len(frontier.open) == frontier.under_way


def test_the_cursor_passes_what_is_settled_once_the_tickets_below_are() -> None:
    frontier = Frontier()
    assert [frontier.issue() for _ in range(4)] == [0, 1, 2, 3]
    frontier.settle(2, TRAINED)
    frontier.settle(0, "stale")
    assert (frontier.below, frontier.above, frontier.open) == (1, {2}, [1, 3])
    frontier.settle(1, TRAINED)
    assert (frontier.below, frontier.above, frontier.open) == (3, set(), [3])
    assert frontier.accounts == {
        "issued": 4, "trained": 2, "under_way": 1, "given_up/stale": 1, "reissued": 0
    }  # fmt: skip


def test_a_ticket_is_settled_once_and_only_if_it_was_issued() -> None:
    frontier = Frontier()
    frontier.issue()
    frontier.settle(0, TRAINED)
    for ticket in (0, 1):
        with pytest.raises(AssertionError, match=f"ticket {ticket} is not open"):
            frontier.settle(ticket, TRAINED)


def test_what_was_given_up_makes_room_for_another() -> None:
    frontier = Frontier()
    for _ in range(3):
        frontier.issue()
    assert (frontier.admitted(4), frontier.admitted(2)) == (1, 0)
    frontier.settle(1, "stale")
    assert frontier.admitted(4) == 2


@given(data=st.data(), most=st.integers(1, 12))
@settings(max_examples=200)
def test_every_ticket_is_settled_exactly_once_whatever_is_killed(data: st.DataObject, most: int) -> None:
    """Tickets end in any order; now and then a checkpoint is written, or the run goes back to it."""
    frontier, ends = Frontier(), dict[int, str]()
    saved, saved_ends = copied(frontier), dict[int, str]()
    for _ in range(data.draw(st.integers(0, 60))):
        match data.draw(st.sampled_from(["issue", "end", "end", "save", "kill"])):
            case "issue":
                for _ in range(frontier.admitted(most)):
                    assert frontier.issue() not in ends
            case "end" if frontier.open:
                ticket = data.draw(st.sampled_from(frontier.open))
                ends[ticket] = data.draw(DONE)
                frontier.settle(ticket, ends[ticket])
            case "save":
                saved, saved_ends = copied(frontier), dict(ends)
            case "kill":
                frontier, ends = copied(saved), dict(saved_ends)
        assert adds_up(frontier) and frontier.under_way <= most
    while frontier.open:
        ends[frontier.open[0]] = TRAINED
        frontier.settle(frontier.open[0], TRAINED)
    assert sorted(ends) == list(range(frontier.issued))
    assert frontier.below == frontier.issued and not frontier.above
    assert frontier.ends == dict(Counter(ends.values()))

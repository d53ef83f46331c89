"""Which program and which test are chosen, and which rejected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.credit.crossing import minimax

BOARDS = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(st.booleans(), min_size=width, max_size=width), min_size=1, max_size=6)
)


def test_a_wrong_test_that_the_best_program_fails_misleads_nobody() -> None:
    right, second, lucky = [True, True, True, False], [True, True, False, False], [False, True, False, True]
    found = minimax([lucky, second, right])
    assert found is not None
    assert found.chosen == (2, 2), "the best program in the test that fewest pass"
    assert found.rejected == (0, 0), "who fails in the test that most pass, but not all"
    assert found.margin == pytest.approx(1 / 4)


@given(BOARDS)
def test_the_chosen_pass_the_rejected_fail_and_better_programs_come_first(board: list[list[bool]]) -> None:
    found = minimax(board)
    if found is None:
        assert not _told_apart(board)
        return
    assert board[found.chosen[0]][found.chosen[1]] and not board[found.rejected[0]][found.rejected[1]]
    share = [sum(row) / len(row) for row in board]
    assert (
        found.margin == pytest.approx(share[found.chosen[0]] - share[found.rejected[0]]) and found.margin > 0
    )
    assert share[found.chosen[0]] == max(share)


def _told_apart(board: list[list[bool]]) -> bool:
    """Tell whether who fails in the easiest test that not all pass passes fewer tests than the best."""
    columns = [sum(column) for column in zip(*board, strict=True)]
    easy = max(
        (k for k, count in enumerate(columns) if count < len(board)), key=columns.__getitem__, default=-1
    )
    return easy >= 0 and min(sum(row) for row in board if not row[easy]) < max(map(sum, board))


@given(BOARDS)
def test_a_test_that_all_or_none_pass_changes_no_program(board: list[list[bool]]) -> None:
    before = minimax(board)
    for same in (True, False):
        after = minimax([[*row, same] for row in board])
        assert (before is None) <= (after is None)
        if before is not None and after is not None:
            assert (before.chosen[0], before.rejected) == (after.chosen[0], after.rejected)


@pytest.mark.parametrize("board", [[], [[]], [[True, True], [True, True]], [[False], [False]]])
def test_what_tells_nobody_apart_makes_no_pair(board: list[list[bool]]) -> None:
    assert minimax(board) is None

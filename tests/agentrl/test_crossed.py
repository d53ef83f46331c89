"""Programs and tests of one policy, set against each other."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.collecting import collect_command, sorted_out
from agentrl.credit.crossing import minimax
from agentrl.datafile import read_header, read_pairs
from agentrl.errors import AgentRLError, ConfigError
from agentrl.sandbox import choose

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
    flat = {cell for row in board for cell in row}
    if found is None:
        counts = {sum(row) for row in board}
        assert flat != {True, False} or len(counts) == 1 or not _told_apart(board)
        return
    assert board[found.chosen[0]][found.chosen[1]] and not board[found.rejected[0]][found.rejected[1]]
    share = [sum(row) / len(row) for row in board]
    assert found.margin == pytest.approx(share[found.chosen[0]] - share[found.rejected[0]]) and found.margin > 0
    assert share[found.chosen[0]] == max(share)


def _told_apart(board: list[list[bool]]) -> bool:
    """Tell whether who fails in the easiest test that not all pass passes fewer tests than the best."""
    columns = [sum(column) for column in zip(*board, strict=True)]
    easy = max((k for k, count in enumerate(columns) if count < len(board)), key=columns.__getitem__)
    return min(sum(row) for row in board if not row[easy]) < max(map(sum, board))


@given(BOARDS, st.randoms(use_true_random=False))
def test_a_test_that_all_or_none_pass_changes_no_program(board: list[list[bool]], dice: object) -> None:
    before = minimax(board)
    for same in (True, False):
        after = minimax([[*row, same] for row in board])
        assert (before is None) <= (after is None)
        if before is not None and after is not None:
            assert (before.chosen[0], before.rejected) == (after.chosen[0], after.rejected)


@pytest.mark.parametrize("board", [[], [[]], [[True, True], [True, True]], [[False], [False]]])
def test_what_tells_nobody_apart_makes_no_pair(board: list[list[bool]]) -> None:
    assert minimax(board) is None


def test_words_without_a_sense_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 2"):
        sorted_out(["out=a.jsonl.gz", "how=dstc"])
    words = ["env=guess", "source=expert", "how=dstc", "per_task=2", "tasks=1"]
    with pytest.raises(ConfigError, match=r"play env=code env\.view=program env\.asks=tests"):
        collect_command([*words, f"out={tmp_path / 'a.jsonl.gz'}"])


def test_collected_pairs_part_with_a_program_that_passes_its_test(tmp_path: Path) -> None:
    try:
        choose("auto")
    except AgentRLError as why:
        pytest.skip(str(why))
    words = ["env=code", "env.view=program", "env.asks=tests", "env.problems=8", "env.difficulty=2"]
    words += ["source=demonstrator", "how=dstc", "per_task=3", "tasks=2", "rollout.history=0"]
    path = collect_command([*words, f"out={tmp_path / 'pairs.jsonl.gz'}"])
    header = read_header(path)
    assert header is not None and header.kind == "pairs"
    found = list(read_pairs(path))
    assert found
    for pair in found:
        assert pair.whole and pair.turn == 0 and pair.margin > 0
        assert pair.chosen.success and not pair.rejected.success
        program, test = (turn.action for turn in pair.chosen.turns)
        assert "def solve" in program and test.startswith("assert solve(")
        assert program != pair.rejected.turns[0].action
        assert pair.chosen.metrics["sound"] == 1 == pair.rejected.metrics["sound"]
        prompts = [[turn.prompt_ids for turn in side.turns] for side in (pair.chosen, pair.rejected)]
        assert prompts[0] == prompts[1], "without history no prompt depends on a program"

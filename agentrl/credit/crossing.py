"""Which of the programs and tests that a policy wrote make a preference: every one in every other."""

from collections.abc import Sequence
from typing import NamedTuple


class Crossing(NamedTuple):
    """Two pairs of a program and a test, by number."""

    chosen: tuple[int, int]
    """the program passes the test"""
    rejected: tuple[int, int]
    """the program does not"""
    margin: float
    """difference of the programs' shares of tests passed, above 0"""


def minimax(passed: Sequence[Sequence[bool]]) -> Crossing | None:
    """Return the pairs to be compared, from which programs (rows) pass which tests (columns).

    Chosen: the program that passes most tests, in that of its tests which fewest programs pass. Rejected: the
    test that most programs pass but not all, and of those that fail in it the program that passes fewest
    tests. Who passes what few can is more likely right than the test wrong, and so is the test in which
    few fail.

    Source: minimax selection of DSTC (arXiv:2411.13611), as a review of it states it; which of the programs
            that fail is rejected is ours.
    Shapes: a row a program, all of one length.
    Edge:   of equal ones the first. None where no program passes, no test tells programs apart, or where
            both programs pass as many.
    """
    rows = [sum(row) for row in passed]
    columns = [sum(column) for column in zip(*passed, strict=True)]
    telling = [k for k, count in enumerate(columns) if count < len(rows)]
    if not any(rows) or not telling:
        return None
    best = max(range(len(rows)), key=rows.__getitem__)
    hard = min((k for k, good in enumerate(passed[best]) if good), key=columns.__getitem__)
    easy = max(telling, key=columns.__getitem__)
    worst = min((j for j, row in enumerate(passed) if not row[easy]), key=rows.__getitem__)
    if rows[best] == rows[worst]:
        return None
    return Crossing((best, hard), (worst, easy), (rows[best] - rows[worst]) / len(columns))

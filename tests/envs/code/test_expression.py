"""Expressions of a small kind: what Python makes of them, and nothing that Python can be made to do."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl_envs.code.expression import Expression, ExpressionError

NAMES = {"xs": [3, 1, 4, 1, 5], "s": "banana", "a": 7, "b": -2}


def value(text: str) -> object:
    return Expression(text).value(NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "sum ( [ x * x for x in [ x for x in xs if x % 2 == 1 ] ] )",
        "s [ : : - 1 ] . upper ( )",
        "[ x for x in xs if x not in [ 1 , 5 ] and not x > 4 ]",
        "( a + b ) * 2 - abs ( b ) // 2",
        "max ( x + y for x in xs for y in xs if x < y )",
        "a if b > 0 else s . count ( 'a' )",
        "1 < a <= 7 != b",
        "xs and 0 or s",
        "- a ** 2 / 4",
    ],
)
def test_values_are_those_of_python(text: str) -> None:
    assert value(text) == eval(text, dict(NAMES))


numbers = st.sampled_from(["a", "b", "1", "3", "len ( xs )", "sum ( xs )", "xs [ 0 ]"])
operators = st.sampled_from(["+", "-", "*", "//", "%", "<", ">=", "==", "and", "or"])
expressions = st.recursive(
    numbers, lambda inner: st.builds("( {} {} {} )".format, inner, operators, inner), max_leaves=8
)


@given(expressions)
def test_any_sum_of_things_is_worth_what_python_says(text: str) -> None:
    try:
        wanted = eval(text, dict(NAMES))
    except ZeroDivisionError:
        with pytest.raises(ExpressionError, match="ZeroDivisionError"):
            value(text)
        return
    assert value(text) == wanted


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("__import__('os').system('true')", "cannot be called"),
        ("().__class__.__bases__", "attribute is not allowed"),
        ("lambda: 1", "lambda is not allowed"),
        ("(x := 3)", "namedexpr is not allowed"),
        ("f'{s}'", "joinedstr is not allowed"),
        ("max(xs, key=len)", "no named arguments"),
        ("xs . cuont ( 3 )", "did you mean 'count'"),
        ("[*xs]", "starred is not allowed"),
        ("None", "not allowed"),
        ("y", "there is no 'y'"),
        ("9 ** 9 ** 9", "not allowed"),
        ("'%9999999d' % 3", "not allowed"),
        ("'a' * 10 ** 9", "more than 1000 items"),
        ("xs * 1000", "more than 1000 items"),
        ("10 ** 12 * 10", "a number above"),
        ("[ [ x ] for x in xs ]", "a list of lists"),
        ("(" * 300, "nest deeper"),
        ("not " * 60 + "a", "nest deeper"),
        ("1 +" * 200 + "1", "too long"),
        ("xs [", "not an expression"),
        ("'\\x41'", "backslashes"),
        ("a\n", "line ends"),
        ("[ sum ( xs + xs + xs ) for a in xs for b in xs for c in xs for d in xs ]", "steps"),
        ("xs [ 9 ]", "IndexError"),
        ("s + a", "TypeError"),
    ],
)
def test_what_is_not_allowed_or_too_much_is_refused_in_words(text: str, why: str) -> None:
    with pytest.raises(ExpressionError, match=why):
        value(text)


PIECES = [
    "xs",
    "s",
    "a",
    "[",
    "]",
    "(",
    ")",
    ":",
    "for",
    "x",
    "in",
    "if",
    "sum",
    "-",
    "1",
    "'",
    ".",
    "**",
    "not",
]


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=80), st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join)))
def test_no_text_does_anything_but_give_a_value_or_a_reason(text: str) -> None:
    found: object = 0
    with suppress(ExpressionError):
        found = value(text)
    assert isinstance(found, int | float | str | list)

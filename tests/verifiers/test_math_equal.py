"""Reading answers, and which of them are the same."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl_verifiers.math_equal import Comparison, Rules
from agentrl_verifiers.math_exact import TooLargeError, exact
from agentrl_verifiers.math_grammar import DEPTH, Tree
from agentrl_verifiers.math_plain import settled
from agentrl_verifiers.math_read import read
from agentrl_verifiers.math_text import UnreadableError
from agentrl_verifiers.math_write import latex


def no_oracle(gold: Tree, answer: Tree) -> bool:
    raise AssertionError(f"{gold} and {answer} were left to the second stage")


def same(gold: str, answer: str, **rules: bool | int) -> bool:
    return Comparison(Rules(**rules), no_oracle).same(read(gold), read(answer))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("2\\sqrt{3}", "\\sqrt{12}"),
        ("\\frac{1}{\\sqrt2+1}", "\\sqrt2-1"),
        ("(x+1)(x-1)", "x^2-1"),
        ("\\frac{1}{x+1}", "\\frac{x-1}{x^2-1}"),
        ("2\\sqrt2 i", "\\sqrt{-8}"),
        ("2^{1/3}", "\\sqrt[3]{2}"),
        ("[0,2]", "[0,1]\\cup[1,2]"),
        ("(-1,1)", "|x|<1"),
        ("x \\ne 0", "(-\\infty,0)\\cup(0,\\infty)"),
        ("y=2x+3", "4x-2y+6=0"),
        ("x<1", "-x>-1"),
        ("1\\pm\\sqrt2", "1-\\sqrt2, 1+\\sqrt2"),
        ("72 km/h", "72"),
        ("3 1/2", "7/2"),
        ("m²", "m^2"),
        ("1,000,000", "10^6"),
        ("\\binom{5}{2}", "10"),
        ("\\mathbb{R}", "(-\\infty,\\infty)"),
        ("x=1, y=2", "1, 2"),
    ],
)
def test_these_are_the_same_both_ways_without_a_second_stage(one: str, two: str) -> None:
    assert same(one, two) and same(two, one)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("1", "1+10^{-9}"),
        ("0", "0.0000001"),
        ("1", "0.9999999"),
        ("x=1, y=2", "2, 1"),
        ("(1,2)", "\\{1,2\\}"),
        ("[1,2)", "[1,2]"),
        ("x<1", "x\\le 1"),
        ("x<1", "y<1"),
        ("x<1", "x>1"),
        ("2x=4", "2x=5"),
        ("\\frac{0}{0}", "4"),
        ("x", "X"),
        ("12:00", "1:00"),
        ("a+b=1", "1"),
        ("110_2", "110_3"),
        ("\\begin{pmatrix}1&2\\end{pmatrix}", "\\begin{pmatrix}1\\\\2\\end{pmatrix}"),
    ],
)
def test_these_are_different_both_ways(one: str, two: str) -> None:
    assert not same(one, two) and not same(two, one)


def test_decimals_stand_for_what_rounds_to_them_when_there_are_enough() -> None:
    assert same("\\frac13", "0.333333") and same("\\pi", "3.141593")
    assert not same("\\frac13", "0.33333") and not same("\\frac13", "0.333334")
    assert same("\\frac13", "0.33", digits=2)


def test_names_and_inequalities_are_as_free_as_the_rules_say() -> None:
    assert same("f(x)+y", "f(a)+b", any_names=True) and not same("f(x)+y", "f(a)+a", any_names=True)
    assert not same("(-\\infty,3)", "x<3", relation_for_set=False)
    assert same("x<3", "(-\\infty,3)", relation_for_set=False)


@pytest.mark.parametrize(
    "text",
    ["{" * 60 + "1" + "}" * 60, "\\sqrt{" * 60 + "2" + "}" * 60, "1" + "!" * 60, "1" + "/2" * 60, "1" * 2001,
     "", "(1", "1)", "\\frac{1}", "1 2", "x \\mid y", "\x00", "٤", "\\begin{x}1\\end{x}"],
)  # fmt: skip
def test_what_is_deep_or_broken_is_not_read(text: str) -> None:
    with pytest.raises(UnreadableError):
        read(text)


@pytest.mark.parametrize(
    "text", ["9^{9^9}", "2001!", "((9!)!)!", "\\binom{10^9}{5}", "(a+b+c+d)^{200}", "1e5000"]
)
def test_what_would_be_large_is_never_worked_out(text: str) -> None:
    with pytest.raises(TooLargeError):
        exact(read(text))


def trees() -> st.SearchStrategy[Tree]:
    """Expressions, the denominators of which are numbers."""
    leaves = st.one_of(
        st.integers(0, 999).map(lambda n: ("num", str(n))),
        st.sampled_from("xyzn").map(lambda name: ("sym", name)),
    )
    number = st.integers(1, 9).map(lambda n: ("num", str(n)))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(st.just("add"), inner, inner),
            st.tuples(st.just("mul"), inner, inner),
            st.tuples(st.just("neg"), inner),
            st.tuples(st.just("div"), inner, number),
            st.tuples(st.just("pow"), inner, st.integers(0, 3).map(lambda n: ("num", str(n)))),
            st.tuples(st.just("fn"), st.just("root"), number, st.just(("num", "2"))),
        ),
        max_leaves=8,
    )


def compared(one: Tree, two: Tree) -> bool:
    return Comparison(Rules(), no_oracle).same(one, two)


@given(trees())
def test_an_expression_equals_itself_and_what_reads_its_latex(tree: Tree) -> None:
    again = read(latex(tree))
    assert compared(tree, again) and compared(again, tree)


@given(trees(), trees())
def test_equality_is_symmetric(one: Tree, two: Tree) -> None:
    assert compared(one, two) == compared(two, one)


@given(trees())
def test_an_expression_is_never_one_more_than_itself(tree: Tree) -> None:
    assert not compared(tree, ("add", tree, ("num", "1")))


@given(st.fractions(max_denominator=10**4), st.integers(0, 9))
def test_a_number_is_itself_in_every_form(number: Fraction, decimals: int) -> None:
    over, under = number.numerator, number.denominator
    forms = [f"{over}/{under}", f"\\frac{{{over}}}{{{under}}}", f"\\dfrac{{{2 * over}}}{{{2 * under}}}",
             f"x = {over}/{under}", f"${over} / {under}$", f"{{{over}/{under}}}",
             f"{over}/{under} \\text{{ cm}}"]  # fmt: skip
    whole = f"{over:,}"
    assert same(str(over), whole) and same(whole, f"{over}.{'0' * (decimals + 1)}")
    assert all(same(forms[0], form) and same(form, forms[0]) for form in forms)
    assert not same(forms[0], f"{over}/{under} + 1/1000000")


@given(st.integers(-(10**6), 10**6), st.integers(0, 6))
def test_decimals_and_powers_of_ten_are_one_number(units: int, decimals: int) -> None:
    text = str(Fraction(units, 10**decimals))
    shifted = f"{units} \\times 10^{{-{decimals}}}"
    assert same(text, shifted) and same(shifted, f"{units}e-{decimals}")


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=6, unique=True))
def test_order_matters_in_tuples_and_not_in_sets(numbers: list[int]) -> None:
    other = numbers[1:] + numbers[:1]
    one, two = (", ".join(map(str, n)) for n in (numbers, other))
    assert same(f"\\{{{one}\\}}", f"\\{{{two}\\}}") and same(one, two)
    assert same(f"({one})", f"({one})") and not same(f"({one})", f"({two})")


@given(st.text(alphabet="0123456789+-*/^_!%(){}[]|\\,;=<>.xyz ", max_size=60))
@settings(max_examples=300)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        tree = read(text)
    except UnreadableError:
        return
    assert depth(tree) <= 12 * DEPTH


def depth(tree: Tree) -> int:
    return 1 + max((depth(part) for part in tree if isinstance(part, tuple)), default=0)


@given(st.from_regex(r"-?[0-9]{1,4}(/[0-9]{1,3}|\.[0-9]{1,5})?", fullmatch=True),
       st.from_regex(r"-?[0-9]{1,4}(/[0-9]{1,3}|\.[0-9]{1,5})?", fullmatch=True))  # fmt: skip
def test_the_short_way_says_what_the_long_way_says(one: str, two: str) -> None:
    short = settled(one, two)
    if short is not None:
        assert short == same(one, two)

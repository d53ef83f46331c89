"""From a record of a known format to a problem."""

import ast
import doctest
from contextlib import suppress
from typing import Any

from agentrl_envs.code.problem import Problem
from agentrl_envs.code.row import Row

_PICKLED = (
    "'private_test_cases' is packed: base64 and zlib around a pickle, which would run whatever it holds and"
    " is never opened here. Convert it offline, where you trust it, to JSON: [{input, output, testtype}, ...]"
)


def humaneval(row: Row) -> Problem:
    """Return a problem of HumanEval: task_id, prompt, entry_point, canonical_solution, test."""
    entry, prompt, test = row.text("entry_point"), row.text("prompt"), row.text("test")
    head, begins, _ = prompt.rpartition(f"def {entry}(")
    if not entry.isidentifier() or not begins:
        raise row.wrong(f"'prompt' does not define entry_point {entry!r}")
    if "def check" not in test:
        raise row.wrong("'test' does not define check(candidate)")
    return Problem(
        row.name("task_id"),
        "humaneval",
        f"Complete this program.\n\n{prompt}",
        entry,
        _examples(row, prompt),
        test,
        preamble=head,
        stub=prompt,
        reference=prompt + row.text("canonical_solution", default=""),
    )


def _examples(row: Row, prompt: str) -> list[str]:
    """Return what the examples in docstrings say as assertions, where that is a plain value."""
    functions = [node for node in ast.walk(_tree(row, prompt, "prompt")) if isinstance(node, ast.FunctionDef)]
    found, examples = [], list[doctest.Example]()
    for function in functions:
        with suppress(ValueError):  # of an example that is laid out otherwise than doctest wants it
            examples += doctest.DocTestParser().get_examples(ast.get_docstring(function) or "")
    for example in examples:
        try:
            ast.literal_eval(example.want.strip())
            ast.parse(example.source.strip(), mode="eval")
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        found.append(f"assert {example.source.strip()} == {example.want.strip()}")
    return found


def mbpp(row: Row) -> Problem:
    """Return a problem of MBPP: text, code, test_list, test_setup_code, challenge_test_list.

    The sanitized edition's `prompt` and `test_imports` are read, too.
    """
    text = row.text("text" if "text" in row.fields else "prompt")
    code, tests = row.text("code"), row.texts("test_list")
    if not tests:
        raise row.wrong("'test_list' is empty")
    setup = "\n".join(
        [*row.texts("test_imports", default=[]), row.text("test_setup_code", default="")]
    ).strip()
    hidden = [setup, *tests, *row.texts("challenge_test_list", default=[])]
    return Problem(
        row.name("task_id"),
        "mbpp",
        text,
        _tested(row, code, tests),
        tests[:1],
        "\n".join(hidden),
        setup=setup,
        reference=code,
    )


def _tested(row: Row, code: str, tests: list[str]) -> str:
    """Return the function of `code` that the tests call."""
    defined = {node.name for node in ast.walk(_tree(row, code, "code")) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(_tree(row, "\n".join(tests), "test_list")):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in defined:
            return node.func.id
    raise row.wrong(
        f"'test_list' calls none of the functions that 'code' defines: {', '.join(defined) or '-'}"
    )


def _tree(row: Row, text: str, field: str) -> ast.AST:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as why:
        raise row.wrong(f"'{field}' is no Python: {why}") from None


def livecodebench(row: Row) -> Problem:
    """Return a problem of LiveCodeBench: question_content, starter_code, public_test_cases, metadata."""
    public = _cases(row, "public_test_cases")
    packed = row.fields.get("private_test_cases")
    if isinstance(packed, str) and not packed.lstrip().startswith("["):
        raise row.wrong(_PICKLED)
    hidden = _cases(row, "private_test_cases")
    sorts = {case["testtype"] for case in public + hidden}
    if len(sorts) > 1:
        raise row.wrong(f"tests of more than one testtype: {', '.join(sorted(sorts))}")
    entry, starter = "", row.text("starter_code", default="")
    if sorts == {"functional"}:
        entry = _entry(row, starter)
    read = _printed if sorts == {"stdin"} else _called
    return Problem(
        row.name("question_id"),
        "livecodebench",
        row.text("question_content"),
        entry,
        [read(row, case) for case in public],
        [read(row, case) for case in hidden],
        signature=starter,
    )


def _cases(row: Row, field: str) -> list[dict[str, str]]:
    found = row.inner(field)
    if not isinstance(found, list) or not found:
        raise row.wrong(f"'{field}' is no list of tests")
    for number, case in enumerate(found, 1):
        good = isinstance(case, dict) and all(isinstance(case.get(key), str) for key in ("input", "output"))
        if not good or case.get("testtype") not in ("stdin", "functional"):
            raise row.wrong(
                f"'{field}', test {number}: needs texts input and output, testtype stdin or functional"
            )
    return found


def _entry(row: Row, starter: str) -> str:
    meta = row.inner("metadata")
    name = meta.get("func_name") if isinstance(meta, dict) else None
    if not isinstance(name, str) or not name.isidentifier():
        raise row.wrong("'metadata' names no func_name, which functional tests need")
    return f"Solution().{name}" if "class Solution" in starter else name


def _printed(row: Row, case: dict[str, str]) -> dict[str, Any]:
    return {"stdin": case["input"], "stdout": case["output"]}


def _called(row: Row, case: dict[str, str]) -> dict[str, Any]:
    lines = [line for line in case["input"].splitlines() if line.strip()]
    arguments = [row.decoded(line, "an argument of a test") for line in lines]
    return {"args": arguments, "returns": row.decoded(case["output"], "the output of a test")}

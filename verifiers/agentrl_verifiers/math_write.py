"""From a tree back to LaTeX."""

from agentrl_verifiers.math_grammar import Tree

_SIGNS = {
    "≤": "\\le",
    "≥": "\\ge",
    "≠": "\\ne",
    "∈": "\\in",
    "→": "\\to",
    "~": "\\sim",
    "⊂": "\\subset",
    "⇒": "\\implies",
}
_ROUND = {"abs": "\\left|{}\\right|", "floor": "\\lfloor {} \\rfloor", "ceil": "\\lceil {} \\rceil"}
_BETWEEN = {"union": " \\cup ", "inter": " \\cap ", "minus": " \\setminus ", "ratio": " : ", "list": ", "}
_AFTER = {"pct": "\\%", "fact": "!"}
_BEFORE = {"neg": "-", "pm": "\\pm ", "mp": "\\mp "}


def latex(tree: Tree) -> str:
    r"""Return a tree in LaTeX: reading that gives an equal tree.

    >>> latex(("div", ("num", "1"), ("fn", "root", ("num", "2"), ("num", "2"))))
    '\\frac{1}{\\sqrt[2]{2}}'
    """
    kind, parts = tree[0], tree[1:]
    match kind:
        case "num" | "sym":
            return str(parts[0]) + (" " if kind == "sym" else "")
        case "text":
            return f"\\text{{{parts[0]}}}"
        case "inf":
            return "\\infty "
        case "add":
            return " + ".join(map(_safe, parts))
        case "mul":
            return " \\cdot ".join(map(_safe, parts))
        case "neg" | "pm" | "mp":
            return f"{_BEFORE[kind]}{_safe(parts[0])}"
        case "pct" | "fact":
            return f"{_safe(parts[0])}{_AFTER[kind]}"
        case "div" | "binom":
            return f"\\{'frac' if kind == 'div' else kind}{{{latex(parts[0])}}}{{{latex(parts[1])}}}"
        case "pow" | "sub":
            return f"{{{_safe(parts[0])}}}{'^' if kind == 'pow' else '_'}{{{latex(parts[1])}}}"
        case "fn" | "call":
            return _function(kind, parts)
        case "set":
            return "\\{" + ", ".join(map(latex, parts)) + "\\}"
        case "tuple":
            opening, closing = parts[0]
            return f"{opening}{', '.join(map(latex, parts[1:]))}{closing}"
        case "matrix":
            rows = " \\\\ ".join(" & ".join(map(latex, row)) for row in parts)
            return f"\\begin{{pmatrix}}{rows}\\end{{pmatrix}}"
        case "rel":
            items = map(latex, parts[1:])
            return next(items) + "".join(f" {_SIGNS.get(sign, sign)} {next(items)}" for sign in parts[0])
    return _BETWEEN[kind].join(map(latex, parts))


def _safe(tree: Tree) -> str:
    """Return a tree in brackets, where it could be torn apart."""
    plain = tree[0] in ("sym", "div", "binom", "inf") or (tree[0] == "num" and "e" not in tree[1].lower())
    return latex(tree) if plain else f"({latex(tree)})"


def _function(kind: str, parts: Tree) -> str:
    name, of = parts[0], [latex(part) for part in parts[1:]]
    if kind == "call":
        if len(of) == 3:
            return f"\\{name}_{{{of[0]}}}^{{{of[1]}}} ({of[2]})"
        return (
            f"{name}({of[0]})"
            if len(name) == 1
            else f"\\{name}{{{of[0]}}}"
            if name != "prime"
            else f"({of[0]})'"
        )
    if name == "root":
        return f"\\sqrt[{of[1]}]{{{of[0]}}}"
    if name in _ROUND:
        return _ROUND[name].replace("{}", of[0])
    return f"\\{name}{'_{' + of[1] + '}' if len(of) > 1 else ''}({of[0]})"

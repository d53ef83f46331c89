"""The site: docstrings are readable in it, it builds without a warning, and its pages fetch nothing."""

import importlib.util
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
FETCHED = {
    "script": ("src",),
    "link": ("href",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "iframe": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "use": ("href",),
}
"""what a browser fetches when it shows a page, by element and attribute"""


def _part(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"site_{name}", ROOT / f"docs/site/{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


converted = _part("docstrings").converted


class _Fetching(HTMLParser):
    """Collects what a page would fetch from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in FETCHED.get(tag, ()) and (value or "").strip().startswith(("http:", "https:", "//")):
                self.found.append(f"{tag} {value}")


def fetched(text: str) -> list[str]:
    """Return what a page would fetch from elsewhere."""
    page = _Fetching()
    page.feed(text)
    return page.found


def test_labelled_lines_become_fields_and_their_further_lines_join_them() -> None:
    text = "Return it.\n\nShapes: score [S],\n        returns [S].\nEdge:   nothing."
    assert converted(text) == "Return it.\n\n:Shapes: score [S], returns [S].\n:Edge: nothing."


def test_formulas_stand_as_they_are_and_prose_is_no_markup() -> None:
    text = (
        "A * b of `x_`, |c| and d_.\n\n    A = (R - mean) / std   over *all*\n\nThen [a page](https://a.b)."
    )
    assert converted(text) == (
        "A \\* b of ``x_``, \\|c\\| and d\\_.\n\n.. code-block:: text\n\n"
        "        A = (R - mean) / std   over *all*\n\nThen `a page <https://a.b>`__."
    )


def test_lists_tables_and_examples_keep_their_form() -> None:
    assert converted("So:\n- one\n  more\n- two") == "So:\n\n- one\n  more\n- two"
    assert converted(">>> 1 + 1\n2") == ">>> 1 + 1\n2"
    table = converted("| what | value |\n|---|---|\n| reward | `1` |").splitlines()
    assert table[:3] == [".. list-table::", "   :header-rows: 1", ""]
    assert table[3:] == ["   * - what", "     - value", "   * - reward", "     - ``1``"]


def test_what_a_page_would_fetch_is_noticed() -> None:
    assert fetched('<a href="https://a.b">read</a><img src="x.png"><script src="y.js"></script>') == []
    assert fetched('<script src="https://a.b/c.js"></script><link href="//f.g/h.css">') == [
        "script https://a.b/c.js", "link //f.g/h.css",
    ]  # fmt: skip


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_fetches_nothing(tmp_path: Path) -> None:
    for needed in ("sphinx", "myst_parser", "furo"):
        pytest.importorskip(needed)
    argv = [sys.executable, ROOT / "docs/build.py", tmp_path / "site"]
    made = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 20
    assert not {page.name: found for page in pages if (found := fetched(page.read_text(encoding="utf-8")))}
    for style in (tmp_path / "site").rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert "url(http" not in text and "url(//" not in text and "@import" not in text, style.name
    credit = (tmp_path / "site/reference/credit.html").read_text(encoding="utf-8")
    assert "agentrl.credit.groups.group_relative" in credit and "Shapes" in credit
    assert "gigpo" in (tmp_path / "site/reference/algorithms.html").read_text(encoding="utf-8")

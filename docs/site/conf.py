"""How the pages of docs/ become a site: `python docs/build.py`."""

import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *(str(HERE.parents[1] / folder) for folder in (".", "envs", "verifiers", "algos"))]

project = "agentrl"
copyright = "the authors of agentrl"
root_doc = "index"
extensions = ["sphinx.ext.autodoc", "myst_parser", "docstrings", "listings"]
exclude_patterns = ["site/**"]

html_theme = "furo"
html_title = "agentrl"
html_show_sphinx = False
html_show_sourcelink = False
html_copy_source = False

myst_heading_anchors = 4  # a link to a heading means here what it means on the pages of a repository
myst_links_external_new_tab = False
smartquotes = False  # `scale="none"` is to be copied
default_role = "literal"  # `word` in a docstring is code

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "undoc-members": True, "show-inheritance": True}
autodoc_class_signature = "separated"
autodoc_typehints = "signature"
maximum_signature_line_length = 80
add_module_names = False
suppress_warnings = ["ref.python"]  # a class that two modules offer is found twice; either will do


def _page_elsewhere(app: Any, name: str, source: list[str]) -> None:
    """Have a link to a page that is outside of docs/ lead to its file: it is no page of the site."""
    up = "../" * (name.count("/") + 1)
    source[0] = re.sub(rf"\]\(({re.escape(up)}[^)]+\.md)\)", r"](path:\1)", source[0])


def setup(app: Any) -> None:
    """Read every page with its links to files outside."""
    app.connect("source-read", _page_elsewhere)

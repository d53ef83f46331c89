"""Links and pictures of every page lead somewhere: to a file, and to a heading where they name one."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def links(text: str) -> list[str]:
    """Return what a page links to inside the project; code has no links."""
    plain = re.sub(r"`[^`\n]*`", "", BLOCK.sub("", text))
    return re.findall(r"\]\((?!\w+:)([^)\s]+)[^)]*\)", plain)


def anchors(text: str) -> set[str]:
    """Return what the headings of a page are linked by; of equal ones, those after the first are numbered."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+?) *$", BLOCK.sub("", text), re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        plain = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        name, number = plain, 0
        while name in found:
            number += 1
            name = f"{plain}-{number}"
        found.add(name)
    return found


def dead(page: Path, text: str) -> list[str]:
    """Return the links of a page that lead to no file, or to no heading of a page."""
    gone = []
    for link in links(text):
        name, _, anchor = link.partition("#")
        there = page.parent / name
        if name and not there.exists():
            gone.append(link)
            continue
        there_is = there.read_text(encoding="utf-8") if anchor and name else text
        if anchor and anchor not in anchors(there_is):
            gone.append(link)
    return gone


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert not dead(page, page.read_text(encoding="utf-8"))


def test_a_link_that_leads_nowhere_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# One `two`: 3 & 4\n\n## Again\n\n## Again\n")
    good = "[a](other.md) [b](other.md#one-two-3--4) [c](other.md#again-1) [d](#here) `[e](no.md)`\n# Here\n"
    bad = "[a](others.md) [b](other.md#two) [c](#there) [d](other.md#again-2)\n```text\n# There\n```\n"
    assert dead(tmp_path / "page.md", good) == []
    assert dead(tmp_path / "page.md", bad) == ["others.md", "other.md#two", "#there", "other.md#again-2"]


def test_every_page_is_reached_from_the_index() -> None:
    """Hidden lists of pages count: they are the site's navigation."""
    index = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    guides = {page.stem for page in (ROOT / "docs").glob("*.md")} - {"index"}
    named = {f"{page.parent.name}/{page.stem}" for page in (ROOT / "docs").glob("*/*.md")}
    assert not {name for name in guides if f"({name}.md)" not in index}, "say where it belongs"
    assert not {name for name in named if f"\n{name}\n" not in index}

"""Build the site: python docs/build.py [FOLDER], by default build/docs.

Sphinx and what else it needs are the group `docs` of pyproject.toml: pip install --group docs.

Every warning is an error: a link that leads nowhere, a docstring that cannot be read. Nothing is fetched, and
the pages fetch nothing.
"""

import sys
from pathlib import Path

from sphinx.cmd.build import main

DOCS = Path(__file__).resolve().parent


def built(folder: Path) -> int:
    """Return the exit status of building the site into a folder."""
    state = folder.with_name(f"{folder.name}.doctrees")
    words = ["-b", "html", "-W", "--keep-going", "-q", "-E", "-c", DOCS / "site", "-d", state, DOCS, folder]
    return main([str(word) for word in words])


if __name__ == "__main__":
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS.parent / "build" / "docs"
    status = built(place)
    print(f"{place}/index.html" if not status else "the site was not built", flush=True)
    raise SystemExit(status)

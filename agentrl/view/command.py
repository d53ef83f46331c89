"""`agentrl view RUN`: the words of the command line, and the page they ask for."""

import re
from collections.abc import Sequence
from pathlib import Path

from agentrl.errors import ConfigError, nearest
from agentrl.values import value
from agentrl.view.page import write_page
from agentrl.view.serve import server
from agentrl.view.shelf import Shelf, packed

MOST = 10_000
"""episodes of a run on a page, where nothing else is said"""
KEYS = {"out": str | None, "iteration": int | None, "episodes": int | None, "serve": bool, "port": int}


def view_runs(
    runs: Sequence[str | Path],
    *,
    out: str | Path | None = None,
    iteration: int | None = None,
    episodes: int | None = None,
) -> Path:
    """Return the page that shows the stored episodes of one run, or of two beside each other.

    It is `out`, or view.html in the first run's folder. Where a run keeps more than `episodes` (none: 10,000;
    0: no limit), iterations are left out evenly.

    Errors: ConfigError where there is no run, or none of its episodes; DataError where a file is broken.
    """
    return _written(_shelves(runs, iteration, MOST if episodes is None else episodes), runs, out)


def view_command(words: Sequence[str]) -> None:
    """Do what `agentrl view` says: write the page, or serve it until Ctrl-C.

    Errors: ConfigError for words that say something else.
    """
    given = dict(word.partition("=")[::2] for word in words if "=" in word)
    runs = [word for word in words if "=" not in word]
    for key in given:
        if key not in KEYS:
            raise ConfigError(f"view has no '{key}'{nearest(key, KEYS)} (it has: {', '.join(KEYS)})")
    out, iteration, episodes, serve, port = (
        value(key, given.get(key, {"serve": "false", "port": "0"}.get(key)), KEYS[key]) for key in KEYS
    )
    if out is not None and serve:
        raise ConfigError("serve=true writes no file; leave out= away")
    most = (0 if serve else MOST) if episodes is None else episodes
    shelves = _shelves(runs, iteration, most)
    for shelf in shelves:
        print(f"{shelf.title}: {shelf.episodes:,} of {shelf.stored:,} stored episodes")
    if not serve:
        print(f"written: {_written(shelves, runs, out)}")
        return
    with server(shelves, port) as answering:
        print(f"http://127.0.0.1:{answering.server_address[1]}/ (Ctrl-C ends it)", flush=True)
        answering.serve_forever()


def _shelves(runs: Sequence[str | Path], iteration: int | None, most: int) -> list[Shelf]:
    if not 1 <= len(runs) <= 2:
        raise ConfigError("view takes one run, or two to compare: agentrl view runs/one runs/two")
    if most < 0:
        raise ConfigError(f"episodes={most}: must be 0 (all) or more")
    return [packed(Path(run), iteration, most) for run in runs]


def _written(shelves: Sequence[Shelf], runs: Sequence[str | Path], out: str | Path | None) -> Path:
    """Return the page after writing it; that of two runs is named for the second, too."""
    other = "".join("-" + re.sub(r"[^\w.-]+", "-", Path(run).resolve().name) for run in runs[1:])
    path = Path(out) if out is not None else Path(runs[0]) / f"view{other}.html"
    if path.is_dir():
        raise ConfigError(f"out={path} is a folder; name a file, such as {path / 'view.html'}")
    write_page(path, shelves)
    return path

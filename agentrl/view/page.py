"""The page: template, style and script, and the runs' data as base64, which cannot break out of its tag."""

import base64
import gzip
import hashlib
import html
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from agentrl.disk import replacing, said
from agentrl.view.pack import json_bytes
from agentrl.view.shelf import Shelf


def write_page(path: Path, shelves: Sequence[Shelf]) -> None:
    """Write one HTML file that needs nothing beside itself.

    Errors: RunError where the disk does not take it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part, said(path), part.open("wb") as file:
        for piece in page(shelves):
            file.write(piece)


def page(shelves: Sequence[Shelf], *, served: bool = False) -> Iterator[bytes]:
    """Yield the page in pieces; where it is `served`, its chunks are fetched one by one."""
    template, style, script = (_file(name) for name in ("view.html", "view.css", "view.js"))
    index = {"runs": [dict(shelf.index) for shelf in shelves], "served": served}
    filled = {
        "policy": _policy(style, script, served),
        "title": html.escape(" against ".join(shelf.title for shelf in shelves)),
        "style": style,
        "index": _text(gzip.compress(json_bytes(index), 6, mtime=0)),
        "script": script,
    }
    for place, piece in enumerate(template.split("%%")):
        if place % 2 == 0:
            yield piece.encode()
        elif piece != "chunks":
            yield filled[piece].encode()
        elif not served:
            for run, shelf in enumerate(shelves):
                for number in range(len(shelf.chunks)):
                    text = _text(shelf.chunks[number])
                    yield f'<script type="text/plain" id="chunk-{run}-{number}">{text}</script>\n'.encode()


def _file(name: str) -> str:
    return files("agentrl").joinpath("view", name).read_text(encoding="utf-8")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _policy(style: str, script: str, served: bool) -> str:
    """Return the rule that lets this style and this script work, and nothing else be loaded or run."""
    ours = [f"'sha256-{_text(hashlib.sha256(text.encode()).digest())}'" for text in (style, script)]
    rule = (
        f"default-src 'none'; style-src {ours[0]}; script-src {ours[1]}; base-uri 'none'; form-action 'none'"
    )
    return f"{rule}; connect-src 'self'" if served else rule

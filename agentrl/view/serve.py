"""The page from a small server on this machine, which hands chunks out as they are looked at."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from agentrl.errors import ConfigError
from agentrl.view.page import page
from agentrl.view.shelf import Shelf

HERE = "127.0.0.1"


def server(shelves: Sequence[Shelf], port: int = 0) -> ThreadingHTTPServer:
    """Return a server of these runs, ready for `serve_forever`; port 0: any that is free.

    It listens to this machine alone, and answers only who names it so: a page from elsewhere cannot have its
    own name lead here and read on.

    Errors: ConfigError where the port cannot be had.
    """
    whole = b"".join(page(shelves, served=True))

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host = (self.headers.get("Host") or "").rpartition(":")[0]
            if host not in (HERE, "localhost"):
                return self.send_error(HTTPStatus.FORBIDDEN)
            if self.path == "/":
                return self._answer(whole, "text/html; charset=utf-8")
            asked = re.fullmatch(r"/chunk/(\d{1,9})/(\d{1,9})", self.path)
            try:
                if asked is None:
                    raise IndexError(self.path)
                chunk = shelves[int(asked[1])].chunks[int(asked[2])]
            except IndexError:
                return self.send_error(HTTPStatus.NOT_FOUND)
            return self._answer(chunk, "application/octet-stream")

        def _answer(self, body: bytes, kind: str) -> None:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing for each request."""

    try:
        return ThreadingHTTPServer((HERE, port), Answers)
    except (OSError, OverflowError) as why:
        raise ConfigError(f"port={port}: {why}; port=0 takes any that is free") from why

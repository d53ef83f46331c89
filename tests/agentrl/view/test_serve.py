"""The server: chunks to this machine, nothing to anybody else."""

import gzip
import threading
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from agentrl.errors import ConfigError
from agentrl.view.serve import server
from agentrl.view.shelf import Shelf, packed
from tests.agentrl.view.examples import plain_run


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return packed(plain_run(tmp_path_factory.mktemp("served") / "run"), None, 0)


@pytest.fixture
def port(shelf: Shelf) -> Iterator[int]:
    with server([shelf]) as answering:
        threading.Thread(target=answering.serve_forever, daemon=True).start()
        yield answering.server_address[1]
        answering.shutdown()


def ask(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, bytes]:
    with_host = {"Host": f"{host}:{port}"}
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers=with_host)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_page_and_chunks_are_handed_out(port: int, shelf: Shelf) -> None:
    status, body = ask(port, "/")
    assert status == 200 and body.startswith(b"<!DOCTYPE html>")
    status, body = ask(port, "/chunk/0/0")
    assert status == 200 and body == shelf.chunks[0] and gzip.decompress(body)


@pytest.mark.parametrize(
    "path", ["/chunk/0/1", "/chunk/1/0", "/chunk/0/-1", "/../etc/passwd", "/config.toml", "/?x"]
)
def test_there_is_nothing_else(port: int, path: str) -> None:
    assert ask(port, path)[0] == 404


@pytest.mark.parametrize("host", ["elsewhere.example", "127.0.0.1.elsewhere.example", ""])
def test_a_name_from_elsewhere_that_leads_here_is_not_answered(port: int, host: str) -> None:
    assert ask(port, "/", host)[0] == 403
    assert ask(port, "/", "localhost")[0] == 200


def test_a_port_that_is_taken_is_said(port: int, shelf: Shelf) -> None:
    with pytest.raises(ConfigError, match=rf"port={port}: .*; port=0 takes any that is free"):
        server([shelf], port)
    with pytest.raises(ConfigError, match="port=99999"):
        server([shelf], 99999)

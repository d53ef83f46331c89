"""Processes of any host: what is called there comes back, and what is lost there is known."""

import logging
import os
import pickle
import signal
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from agentrl.cluster.base import Host, first, gathered
from agentrl.cluster.hosts import check_reached
from agentrl.cluster.local import LocalHost
from agentrl.errors import ConfigError, DeadlineError, LostError, RaisedError


class Counter:
    def __init__(self, start: int) -> None:
        if start < 0:
            raise ConfigError("below 0")
        self.count = start

    def add(self, more: int) -> int:
        self.count += more
        return self.count

    def size(self, values: object) -> int:
        return len(values)  # type: ignore[arg-type]

    def pid(self) -> int:
        return os.getpid()

    def rest(self, seconds: float) -> None:
        time.sleep(seconds)

    def fail(self, kind: str) -> None:
        raise ConfigError("a wrong setting") if kind == "own" else ZeroDivisionError("by nought")

    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def unreadable(self) -> object:
        return threading.Lock()


class Sized:
    def __init__(self, values: list[int]) -> None:
        self.values = values

    def __call__(self) -> int:
        return len(self.values)

    def add(self, more: dict[str, list[list[int]]]) -> int:
        return len(self.values) + len(more["deep"][0])


class Leaver:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def there(self) -> bool:
        return self.mark.exists()

    def close(self) -> None:
        self.mark.write_text("left", encoding="utf-8")


@pytest.fixture(scope="module")
def ray_there() -> Iterator[None]:
    """Have a Ray for all tests of this file: starting one takes seconds."""
    ray = pytest.importorskip("ray", reason="the package ray is not installed")
    ray.init(address="local", num_cpus=8)
    yield
    ray.shutdown()


@pytest.fixture(params=["local", pytest.param("ray", marks=pytest.mark.slow)])
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    host: Host = LocalHost()
    if request.param == "ray":
        request.getfixturevalue("ray_there")
        from agentrl.cluster.ray import RayHost

        host = RayHost()
    yield host
    host.close()


def gone(pid: int) -> bool:
    until = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.01)
    return not Path(f"/proc/{pid}").exists()


def test_calls_are_answered_in_their_order_by_an_object_that_remembers(host) -> None:
    one, two = host.start("one", partial(Counter, 10)), host.start("two", partial(Counter, 20))
    calls = [member.call("add", 1, deadline=60) for member in (one, one, two)]
    assert gathered(calls) == [11, 12, 21]
    assert len({*gathered([m.call("pid", deadline=60) for m in (one, two)]), os.getpid()}) == 3


def test_what_is_shared_arrives_as_itself(host) -> None:
    value = host.share([0] * 1000)
    members = [host.start(str(i), partial(Counter, 0)) for i in range(2)]
    assert gathered([m.call("size", value, deadline=60) for m in members]) == [1000, 1000]


def test_errors_come_back_as_what_they_are_and_end_nothing(host) -> None:
    member = host.start("it", partial(Counter, 0))
    with pytest.raises(ConfigError, match="a wrong setting"):
        member.call("fail", "own", deadline=60).result()
    with pytest.raises(RaisedError, match="ZeroDivisionError: by nought"):
        member.call("fail", "other", deadline=60).result()
    with pytest.raises(RaisedError):
        member.call("unreadable", deadline=60).result()
    assert member.call("add", 1, deadline=60).result() == 1


def test_an_object_that_cannot_be_made_says_so_to_who_calls(host) -> None:
    with pytest.raises(ConfigError, match="below 0"):
        host.start("it", partial(Counter, -1)).call("add", 1, deadline=60).result()


def test_a_process_that_dies_loses_its_calls_and_takes_no_more(host) -> None:
    member = host.start("it", partial(Counter, 0))
    calls = [member.call("die", deadline=60), member.call("add", 1, deadline=60)]
    for call in calls:
        with pytest.raises(LostError, match="it: the process ended"):
            call.result(timeout=60)
    assert not member.alive
    with pytest.raises(LostError):
        member.call("add", 1, deadline=60).result(timeout=1)


def test_a_late_call_ends_its_process_and_tells_what_was_under_way(host, caplog) -> None:
    member, other = host.start("late", partial(Counter, 0)), host.start("other", partial(Counter, 0))
    pid = member.call("pid", deadline=60).result()
    calls = [other.call("rest", 30.0, deadline=60), member.call("rest", 30.0, deadline=0.2)]
    with caplog.at_level(logging.WARNING):
        (done,) = first(calls)
    assert done is calls[1]
    with pytest.raises(DeadlineError, match=r"late: no answer to rest within 0.2 s"):
        done.result()
    assert gone(pid) and not member.alive and other.alive
    assert "other" in caplog.text and "60 s" in caplog.text


def test_what_is_shared_is_itself_wherever_it_stands(host) -> None:
    value = host.share([0] * 1000)
    member = host.start("it", partial(Sized, value))
    assert member.call("__call__", deadline=60).result() == 1000
    assert member.call("add", {"deep": [value]}, deadline=60).result() == 2000


def test_what_cannot_be_sent_is_refused_in_words(host) -> None:
    with pytest.raises(ConfigError, match="what 'it' holds cannot be sent to another process"):
        host.start("it", partial(Counter, threading.Lock()))  # type: ignore[arg-type]


def test_a_process_lets_go_of_what_it_holds(host, tmp_path) -> None:
    member = host.start("it", partial(Leaver, tmp_path / "left"))
    assert member.call("there", deadline=60).result() is False
    host.close()
    assert (tmp_path / "left").exists()


def test_waiting_ends_when_patience_does(host) -> None:
    call = host.start("it", partial(Counter, 0)).call("rest", 30.0, deadline=60)
    assert first([call], patience=0.05) == []


def test_nothing_is_left_when_the_host_closes(host) -> None:
    members = [host.start(str(i), partial(Counter, 0)) for i in range(2)]
    pids = gathered([m.call("pid", deadline=60) for m in members])
    call = members[0].call("rest", 60.0, deadline=90)
    host.close()
    assert all(map(gone, pids))
    with pytest.raises(LostError):
        call.result(timeout=1)


def test_an_address_where_nobody_listens_is_named_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"cluster.address={address}: no Ray is reached there"):
            check_reached(address)


@pytest.mark.parametrize("address", ["", "auto", "ray://head:10001"])
def test_addresses_of_another_form_are_left_to_ray(address: str) -> None:
    check_reached(address)


class Unreadable:
    """Its class is known by a name that another process does not have."""

    def __reduce__(self) -> tuple[object, ...]:
        return pickle.loads, (b"cthreading\nno_such_name\n.",)


def test_what_another_process_cannot_read_is_told_to_who_calls() -> None:
    host = LocalHost()
    try:
        with pytest.raises(RaisedError, match="no_such_name"):
            host.start("it", partial(Counter, Unreadable())).call("add", 1, deadline=60).result()  # type: ignore[arg-type]
    finally:
        host.close()

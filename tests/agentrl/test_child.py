"""A function in another process: what comes back, and what becomes of one that hangs, dies or lies."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from agentrl.calls import MIB
from agentrl.child import Child
from agentrl.errors import ConfigError, DeadlineError, EpisodeError, LostError, RaisedError

DEADLINE = 30.0


class Oddity:
    """Does what it is told to, and counts what it was told."""

    def __init__(self):
        self.calls = 0

    def __call__(self, what, *args):
        self.calls += 1
        return getattr(self, what)(*args)

    def counted(self):
        return self.calls

    def echo(self, value):
        print("noise on the standard output")
        return value

    def nested(self, value):
        inner = Child(Oddity(), memory=4096.0)
        try:
            return inner.call("echo", value, deadline=DEADLINE)
        finally:
            inner.close()

    def sleep(self, seconds):
        time.sleep(seconds)

    def spin(self):
        # One call into C that holds the interpreter: no thread of the child gets a turn.
        return sum(range(10**12))

    def die(self, code):
        os._exit(code)

    def kill(self, number):
        os.kill(os.getpid(), number)

    def fail(self):
        raise ZeroDivisionError("by\nzero")

    def refuse(self):
        raise EpisodeError("not now")

    def allocate(self, mib):
        return len(bytearray(mib * MIB))

    def write(self, data):
        pipe = socket.socket(fileno=int(sys.argv[1]))
        pipe.sendall(data)
        time.sleep(60)

    def parent_of_another(self):
        return subprocess.Popen(["sleep", "600"]).pid


@pytest.fixture
def child():
    made = Child(Oddity(), memory=600, answer=1 << 16)
    yield made
    made.close()


def framed(data):
    return struct.pack("!Q", len(data)) + data


def alive(pid):
    """Tell whether a process runs; one that ended and was not reaped does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid):
    until = time.monotonic() + 10
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not alive(pid)


@pytest.mark.parametrize(
    "value", [None, True, 0.1, float("inf"), 10**30, "ü\ud800\x00", [1, ["a"]], {"a": {"b": 2.5}}]
)
def test_plain_values_come_back_as_they_were(child, value):
    assert child.call("echo", value, deadline=DEADLINE) == value


def test_the_state_of_an_object_lives_in_the_child(child):
    assert [child.call("counted", deadline=DEADLINE) for _ in range(3)] == [1, 2, 3]
    assert child.starts == 1


@pytest.mark.parametrize("what", [("sleep", 600), ("spin",)])
def test_a_call_that_does_not_come_back_costs_its_process_and_the_next_one_has_another(child, what):
    child.call("counted", deadline=DEADLINE)
    pid = child.pid
    with pytest.raises(DeadlineError, match=r"no answer within 0\.2 s"):
        child.call(*what, deadline=0.2)
    assert gone(pid)
    assert child.call("counted", deadline=DEADLINE) == 1
    assert child.starts == 2


@pytest.mark.parametrize(
    ("what", "ending"),
    [
        (("die", 7), "exit code 7"),
        (("die", 0), "exit code 0"),
        (("kill", signal.SIGSEGV), "SIGSEGV"),
        (("kill", signal.SIGKILL), "SIGKILL"),
    ],
)
def test_a_process_that_ends_says_how(child, what, ending):
    with pytest.raises(LostError, match=ending):
        child.call(*what, deadline=DEADLINE)
    assert child.call("counted", deadline=DEADLINE) == 1


def test_what_the_function_raises_comes_back_by_name_and_the_process_stays(child):
    with pytest.raises(RaisedError, match=r"^ZeroDivisionError: by zero$"):
        child.call("fail", deadline=DEADLINE)
    with pytest.raises(EpisodeError, match=r"^not now$"):
        child.call("refuse", deadline=DEADLINE)
    with pytest.raises(RaisedError, match=r"^TypeError: "):
        child.call("echo", {1j}, deadline=DEADLINE)  # no JSON
    assert child.starts == 1


def test_memory_beyond_the_bound_is_refused_to_the_function(child):
    assert child.call("allocate", 50, deadline=DEADLINE) == 50 * MIB
    with pytest.raises(RaisedError, match=r"^MemoryError"):
        child.call("allocate", 2000, deadline=DEADLINE)


def test_a_child_of_a_bounded_process_is_bounded_no_wider(child):
    """It starts all the same, where it asks for more than its parent may have."""
    assert child.call("nested", 5, deadline=2 * DEADLINE) == 5


@pytest.mark.parametrize(
    "data",
    [
        framed(b"not json"),
        framed(b"[" * 60_000),
        framed(json.dumps({"something": 1}).encode()),
        framed(json.dumps({"raised": ["OSError"]}).encode()),
        framed(b"x" * 70_000),
        struct.pack("!Q", 2**63),
    ],
)
def test_what_is_no_answer_is_not_taken_for_one(child, data):
    with pytest.raises(LostError, match="no answer"):
        child.call("write", data, deadline=DEADLINE)


def test_an_answer_in_drops_does_not_stretch_the_deadline(child):
    with pytest.raises(DeadlineError):
        child.call("write", struct.pack("!Q", 100) + b"{", deadline=0.3)


def test_a_request_larger_than_the_pipe_to_a_busy_process_keeps_its_deadline(child):
    assert len(child.call("echo", "x" * 60_000, deadline=DEADLINE)) == 60_000
    os.kill(child.pid, signal.SIGSTOP)
    with pytest.raises(DeadlineError):
        child.call("echo", "x" * (8 * MIB), deadline=0.3)


def test_calls_of_many_threads_do_not_mix(child):
    found = {}

    def ask(number):
        found[number] = child.call("echo", number, deadline=DEADLINE)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: n for n in range(16)}


def test_what_the_child_started_ends_with_it(child):
    other = child.call("parent_of_another", deadline=DEADLINE)
    pid = child.pid
    assert alive(other)
    child.close()
    assert gone(other)
    assert gone(pid)
    assert child.pid is None


def test_a_function_that_cannot_be_sent_is_refused():
    with pytest.raises(ConfigError, match="cannot be sent to another process"):
        Child(lambda: 1)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's signal on a parent's death is Linux's")
def test_a_killed_parent_takes_a_busy_child_with_it():
    code = (
        "import sys, threading, time\n"
        "from agentrl.child import Child\n"
        "child = Child(time.sleep)\n"
        "child.call(0, deadline=30)\n"
        "print(child.pid, flush=True)\n"
        "child.call(600, deadline=600)\n"
    )
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=surroundings)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert alive(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(pid)

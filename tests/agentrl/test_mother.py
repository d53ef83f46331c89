"""Children forked from one process: they start with what it has, and end with it."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from agentrl.calls import MIB
from agentrl.errors import ConfigError, DeadlineError, LostError, RaisedError
from agentrl.mother import Mother
from tests.agentrl.test_child import Oddity, alive, gone

DEADLINE = 30.0


class Prepared(Oddity):
    """Says in which process it was prepared."""

    def prepare(self):
        self.where = os.getpid()

    def family(self):
        return [self.where, os.getppid(), os.getpid()]


class Unready(Oddity):
    def prepare(self):
        raise ConfigError("there is nothing to load")


@pytest.fixture
def mother():
    made = Mother(Prepared())
    yield made
    made.close()


def test_what_is_prepared_once_is_there_in_every_child(mother):
    found = [mother.child().call("family", deadline=DEADLINE) for _ in range(3)]
    assert len({where for where, _, _ in found}) == 1
    assert all(where == parent for where, parent, _ in found)
    assert len({own for _, _, own in found}) == 3


def test_children_do_not_share_what_they_do(mother):
    one, other = mother.child(), mother.child()
    assert [one.call("counted", deadline=DEADLINE) for _ in range(2)] == [1, 2]
    assert other.call("counted", deadline=DEADLINE) == 1


def test_a_lost_child_is_told_and_forked_again_and_its_sisters_do_not_notice(mother):
    child, sister = mother.child(), mother.child()
    sister.call("counted", deadline=DEADLINE)
    with pytest.raises(LostError, match="exit code 7"):
        child.call("die", 7, deadline=DEADLINE)
    with pytest.raises(LostError, match="SIGSEGV"):
        child.call("kill", signal.SIGSEGV, deadline=DEADLINE)
    with pytest.raises(DeadlineError):
        child.call("spin", deadline=0.2)
    assert child.call("counted", deadline=DEADLINE) == 1
    assert sister.call("counted", deadline=DEADLINE) == 2
    assert (child.starts, sister.starts) == (4, 1)


def test_memory_beyond_what_the_mother_holds_is_bounded(mother):
    child = mother.child(memory=200)
    assert child.call("allocate", 50, deadline=DEADLINE) == 50 * MIB
    with pytest.raises(RaisedError, match="MemoryError"):
        child.call("allocate", 1000, deadline=DEADLINE)


def test_what_cannot_be_prepared_says_why():
    mother = Mother(Unready())
    with pytest.raises(ConfigError, match="nothing to load"):
        mother.child().call("counted", deadline=DEADLINE)


def test_a_killed_mother_takes_her_children_with_her_and_is_followed_by_another(mother):
    child, other = mother.child(), mother.child()
    _, first, pid = child.call("family", deadline=DEADLINE)
    other.call("counted", deadline=DEADLINE)
    os.kill(first, signal.SIGKILL)
    assert gone(pid)
    with pytest.raises(LostError):
        child.call("counted", deadline=DEADLINE)
    assert child.call("family", deadline=DEADLINE)[1] != first


def test_threads_may_ask_for_children_at_once(mother):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(mother.child().call("counted", deadline=DEADLINE)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 8


def test_a_killed_parent_takes_mother_and_busy_children_with_it():
    code = (
        "import os, threading, time\n"
        "from agentrl.mother import Mother\n"
        "child = Mother(time.sleep).child()\n"
        "child.call(0, deadline=30)\n"
        "print(child.pid, flush=True)\n"
        "child.call(600, deadline=600)\n"
    )
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=surroundings) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        time.sleep(0.2)
        assert alive(pid)
        parent.kill()
    assert gone(pid)

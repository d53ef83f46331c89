"""The engine and the threads of the process that it works in."""

import os
import subprocess
import sys

import pytest

from tests.engine.examples import needs_vllm

pytestmark = [pytest.mark.slow, needs_vllm]

THREADS = """
import threading, torch
from agentrl.sync import Sync, make_sampler
from agentrl.types import Request, Sampling, ids32
from tests.engine.examples import policy, settings

torch.set_num_threads(1)
trainer, chosen = policy(), settings()
sampler = make_sampler(chosen, trainer, frozenset({3}))
Sync(trainer, sampler, chosen)(1)

def ask():
    [sample] = sampler.generate([Request(ids32(range(8, 28)), (0,))], Sampling(max_tokens=4))
    print(len(sample.ids), torch.get_num_threads())

thread = threading.Thread(target=ask)
thread.start()
thread.join()
torch.set_num_threads(2)
print("then", torch.get_num_threads())
"""


def test_any_thread_may_ask_and_the_number_of_threads_stays_the_callers() -> None:
    """In a new thread OpenMP begins with all cores, where the surroundings do not say otherwise."""
    surroundings = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    surroundings["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", THREADS], env=surroundings, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == ["4 1", "then 2"]

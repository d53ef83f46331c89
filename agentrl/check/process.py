"""An environment in another process: what is written here must be read there."""

import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Literal

from agentrl.check.rules import Broken

LIMIT = 120.0
"""seconds the other process may take"""
Wish = Literal["panels", "restore"]


def elsewhere(name: str, options: Mapping[str, Any], wish: Wish, data: bytes) -> Any:
    """Return what an environment answers to a wish in a fresh process.

    `panels`: the hashes of its panels. `restore`: what is seen when a snapshot's episode goes on (`data` is
    the snapshot and the actions, pickled).

    Errors: Broken where the process ends with an error or does not end.
    """
    command = [sys.executable, "-c", "from agentrl.check.process import answer; answer()"]
    # Another hash seed: an order that hangs on it must not pass. The same path: the same plug-ins.
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "4242"}
    request = pickle.dumps((name, dict(options), wish, data))
    try:
        done = subprocess.run(
            command, input=request, capture_output=True, timeout=LIMIT, env=surroundings, check=False
        )
    except subprocess.TimeoutExpired:
        raise Broken(f"the other process did not end within {LIMIT:g} s") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise Broken(f"the other process failed: {said[-1] if said else f'status {done.returncode}'}")
    return pickle.loads(done.stdout)


def answer() -> None:
    """Read a request from standard input, write the answer to standard output."""
    from agentrl.check.rules import Watch
    from agentrl.check.stage import Stage
    from agentrl.env import SPLITS
    from agentrl.registry import find

    name, options, wish, data = pickle.loads(sys.stdin.buffer.read())
    out = sys.stdout.buffer
    sys.stdout = sys.stderr  # what the environment prints must not mix with the answer
    cls = find("envs", name)
    stage = Stage(name, cls, options, Watch())
    env = stage.make()
    if wish == "panels":
        out.write(pickle.dumps([env.tasks(split).hash for split in SPLITS]))
        return
    taken, actions = pickle.loads(data)
    env.restore(taken)
    out.write(pickle.dumps(stage.go_on(env, actions)))

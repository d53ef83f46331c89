"""Sandboxes kept started, so that a run need not wait for an interpreter. Each is used once."""

import atexit
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import replace

from agentrl.errors import RunError
from agentrl.sandbox.base import Backend, Box, Limits

READY = 2 * (os.cpu_count() or 1)
"""sandboxes kept waiting for each set of limits"""
SETS = 4
"""sets of limits that are kept at once; beyond, the one used longest ago is given up"""


class Pool:
    """Started sandboxes of one kind."""

    def __init__(self, start: Callable[[], Box], size: int = READY) -> None:
        self._start = start
        self._room = threading.Semaphore(size)
        self._ready: queue.SimpleQueue[Box | Exception] = queue.SimpleQueue()
        self._over = False
        # One thread starts them all and lives as long as they do: a sandbox dies with its thread.
        self._thread = threading.Thread(target=self._stock, name="agentrl-sandboxes", daemon=True)
        self._thread.start()

    def _stock(self) -> None:
        while True:
            self._room.acquire()
            if self._over:
                return
            try:
                self._ready.put(self._start())
            except Exception as why:  # told to whoever asks next
                self._ready.put(why)

    def take(self) -> Box:
        """Return a started sandbox, which is the caller's to discard.

        Errors: whatever starting raised; RunError once the pool is closed.
        """
        if self._over:
            raise RunError("the pool of sandboxes is closed")
        found = self._ready.get()
        self._room.release()
        if isinstance(found, Exception):
            raise found
        return found

    def close(self) -> None:
        """Discard what is waiting. Sandboxes that were taken go on; their users discard them."""
        self._over = True
        self._room.release()
        if threading.current_thread() is not self._thread:
            self._thread.join(60.0)
        while not self._ready.empty():
            found = self._ready.get()
            if not isinstance(found, Exception):
                found.discard()


_pools: dict[tuple[int, Limits], tuple[Backend, Pool]] = {}
_lock = threading.Lock()


def pool_of(backend: Backend, limits: Limits) -> Pool:
    """Return the pool of a backend and limits, made where it is new."""
    key = (id(backend), replace(limits, wall=1.0))  # the clock is the host's: nothing inside knows of it
    with _lock:
        found = _pools.pop(key) if key in _pools else (backend, Pool(lambda: backend.start(limits)))
        _pools[key] = found
        stale = [_pools.pop(old)[1] for old in list(_pools)[:-SETS]]
    for pool in stale:
        pool.close()
    return found[1]


def close_all() -> None:
    """Discard every waiting sandbox of this process; the next run starts afresh."""
    with _lock:
        pools = [pool for _, pool in _pools.values()]
        _pools.clear()
    for pool in pools:
        pool.close()


def _forget() -> None:
    """After a fork: the sandboxes are the parent's, and its threads are not here."""
    global _lock
    _lock = threading.Lock()
    _pools.clear()


atexit.register(close_all)
os.register_at_fork(after_in_child=_forget)

"""Processes that Ray starts: each an actor, on this machine or wherever a cluster has room.

They find this program and what the run names under the same paths as here: on other machines by a shared disk
or the same image. Nothing is uploaded.
"""

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from queue import SimpleQueue
from typing import Any

import ray
from ray.exceptions import RayTaskError
from ray.util.placement_group import PlacementGroup, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from agentrl.cluster.base import ONE, Call, Need
from agentrl.cluster.local import FAREWELL
from agentrl.cluster.roles import Role, total
from agentrl.cluster.room import begin, check_room, join, placed
from agentrl.errors import AgentRLError, ConfigError, LostError, RaisedError

ROOM = 120.0
"""seconds until a cluster that others use too, or that grows when asked, has room for the run"""
log = logging.getLogger("agentrl")
PASSED = ("AGENTRL_", "ALFWORLD_", "GLOO_", "HF_", "NCCL_", "OMP_", "TOKENIZERS_", "TORCH", "VLLM_")
"""beginnings of the environment's variables that reach processes on other machines"""
SECRET = ("TOKEN", "KEY", "PASSWORD")
"""endings of those that do not: Ray shows them to whoever sees the cluster"""


class Shared:
    """A value in Ray's object store; whoever is called finds the value itself, fetched once a machine."""

    def __init__(self, value: Any) -> None:
        self._reference = ray.put(value)

    def __reduce__(self) -> tuple[Any, ...]:
        return ray.get, (self._reference,)


class Holder:
    """What an actor is: it makes an object and calls its methods."""

    def __init__(self, name: str, folder: str, make: Callable[[], Any]) -> None:
        self._name = name
        self._held: Any = None
        self._failed: Exception | None = None
        threading.current_thread().name = name
        try:
            _enter(folder)
            self._held = make()
        except Exception as why:  # the first call tells
            self._failed = why

    def __repr__(self) -> str:
        return self._name  # what stands before its lines in the driver's log

    def answer(self, method: str, args: tuple[Any, ...]) -> tuple[str, Any]:
        """Return a method's answer, or what it raised."""
        try:
            if self._failed is not None:
                raise self._failed
            return "answer", getattr(self._held, method)(*args)
        except AgentRLError as why:
            return "own", why
        except Exception as why:
            log.warning("%s: %s", self._name, method, exc_info=True)
            return "other", f"{type(why).__name__}: {why}"

    def farewell(self) -> None:
        """Let go of what it holds."""
        close = getattr(self._held, "close", None)
        if close is not None:
            close()


def _enter(folder: str) -> None:
    """Go where the driver is: settings may name files from there."""
    try:
        os.chdir(folder)
    except OSError as why:
        raise ConfigError(
            f"cluster=ray: {folder} is not on every machine ({why.strerror}); all need the same folders"
        ) from why


class RayMember:
    """An actor; a thread waits for its answers."""

    def __init__(self, name: str, actor: Any) -> None:
        self.name = name
        self._actor = actor
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self._alive = True
        self._inbox: SimpleQueue[tuple[Call, Any] | None] = SimpleQueue()
        self._listener = threading.Thread(target=self._listen, name=f"{name}_listen", daemon=True)
        self._listener.start()

    @property
    def alive(self) -> bool:
        """Whether it can still be called, as far as is known: a call tells."""
        return self._alive

    def call(self, method: str, *args: Any, deadline: float) -> Call:
        """Call a method; see `Member.call`."""
        call = Call(self, method, deadline)
        with self._lock:
            if not self._alive:
                call.lost(LostError(f"{self.name}: the process has ended"))
                return call
            answer = self._actor.answer.remote(method, args)
            self._calls.append(call)
            self._inbox.put((call, answer))
        return call

    def end(self) -> None:
        """End it and what it started."""
        self._gone("it was ended here")

    def farewell(self) -> Any:
        """Ask it to let go of what it holds; return Ray's reference to when that is done."""
        return self._actor.farewell.remote()

    def join(self) -> None:
        """Wait until nobody waits for its answers: Ray must not go before."""
        self._listener.join(FAREWELL)

    def _listen(self) -> None:
        """Hand answers to the calls they belong to, in the order of the calls, until there are no more."""
        while (one := self._inbox.get()) is not None:
            call, answer = one
            try:
                kind, value = ray.get(answer)
            except RayTaskError as why:  # it could not be sent
                cause = why.cause
                self._heard(call, "other", f"{type(cause).__name__}: {cause}")
            except Exception as why:
                lines = [line.strip() for line in str(why).splitlines() if line.strip()]
                self._gone(lines[-1] if lines else type(why).__name__)
            else:
                self._heard(call, kind, value)

    def _heard(self, call: Call, kind: str, value: Any) -> None:
        with self._lock:
            if call in self._calls:
                self._calls.remove(call)
        if kind == "answer":
            call.answered(value)
        else:
            call.lost(value if kind == "own" else RaisedError(value))

    def _gone(self, why: str) -> None:
        with self._lock:
            if not self._alive:
                return
            self._alive = False
            calls, self._calls = self._calls, []
        self._inbox.put(None)
        with contextlib.suppress(ValueError):  # Ray knows it no more
            ray.kill(self._actor, no_restart=True)
        for call in calls:
            call.lost(LostError(f"{self.name}: the process ended before {call.what} was answered ({why})"))


class RayHost:
    """Starts processes in a Ray that is there, or in one of its own on this machine."""

    def __init__(self, address: str = "", wanted: Callable[[bool], Sequence[Role]] = lambda gpu: ()) -> None:
        """Join the Ray of an address, or start one, once a process is to be started.

        `wanted` returns the run's roles, told whether there are GPUs.
        """
        self._address, self._wanted = address, wanted
        self._own = False
        self._roles: Sequence[Role] | None = None
        self._members: list[RayMember] = []
        self._places: dict[str, PlacementGroup] = {}

    def _reach(self) -> Sequence[Role]:
        """Return the roles, once Ray is there and has room for all of them.

        Errors: ConfigError where no Ray is reached, or it has no room.
        """
        if self._roles is None:
            if not ray.is_initialized():
                self._own = True
                join(self._address) if self._address else begin(total(self._wanted(False)).cpus)
            every = self._wanted(ray.cluster_resources().get("GPU", 0) > 0)
            self._places = {role.name: placed(role) for role in every}
            try:
                check_room(every, list(self._places.values()), ROOM if self._address else FAREWELL)
            except ConfigError:
                self.close()
                raise
            self._roles = every
        return self._roles

    def start(self, name: str, make: Callable[[], Any], need: Need = ONE) -> RayMember:
        """Start an actor that holds what `make` returns there; a role's has its room and its needs."""
        options: dict[str, Any] = {}
        for role in self._reach():
            if name.startswith(role.name):
                need = role.need
                options["scheduling_strategy"] = PlacementGroupSchedulingStrategy(self._places[role.name])
        holder: Any = ray.remote(Holder).options(
            num_cpus=need.cpus,
            num_gpus=need.gpus,
            runtime_env={"env_vars": surroundings(os.environ)},
            max_concurrency=1,
            **options,
        )
        try:
            member = RayMember(name, holder.remote(name, os.getcwd(), make))
        except (TypeError, ValueError) as why:
            raise ConfigError(f"what '{name}' holds cannot be sent to another process: {why}") from why
        self._members = [*(other for other in self._members if other.alive), member]
        return member

    def share(self, value: Any) -> Shared:
        """Return what stands for a large value in several calls: stored once, sent once a machine."""
        self._reach()
        return Shared(value)

    def close(self) -> None:
        """End all processes, give back their room, and end Ray where it was started here."""
        leaving = [member.farewell() for member in self._members if member.alive]
        if leaving:
            ray.wait(leaving, num_returns=len(leaving), timeout=FAREWELL)
        for member in self._members:
            member.end()
        for member in self._members:
            member.join()
        self._members = []
        for place in self._places.values():
            remove_placement_group(place)
        self._places, self._roles = {}, None
        if self._own:
            self._own = False
            ray.shutdown()


def surroundings(here: Mapping[str, str]) -> dict[str, str]:
    """Return the environment's variables for an actor: the same plug-ins, the same hash seed."""
    kept = {k: v for k, v in here.items() if k.startswith(PASSED) and not k.endswith(SECRET)}
    path = os.pathsep.join(dict.fromkeys(os.path.abspath(folder) for folder in sys.path))
    return {**kept, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}

"""A learner in several processes, as the driver sees it: tables go out, metrics and weights come back.

The driver is none of them. It keeps a policy of its own, which plays and is measured, and takes over the
weights after every call that changed them.
"""

import logging
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from agentrl.algo import Algorithm, AlgoState
from agentrl.child import START
from agentrl.cluster.base import Call, Host, Member, Need, first, gathered
from agentrl.errors import AgentRLError, ChildError, ConfigError, DeadlineError, LostError, RunError
from agentrl.learner import checkpoint
from agentrl.learner.checkpoint import Saved
from agentrl.learner.critic import Critic
from agentrl.learner.here import reference_of
from agentrl.learner.model import Policy
from agentrl.learner.rank import Rank, Seat
from agentrl.learner.seen import Keep
from agentrl.learner.shards import FOLDER
from agentrl.settings import Settings
from agentrl.table import TokenTable

log = logging.getLogger("agentrl")
GRACE = 5.0
"""seconds in which other processes may tell, too, how they fared when one has failed"""
PIECE = 256 << 20
"""bytes of weights asked for at once"""


class Ranks:
    """Learner processes under one name; see `Learning` for the calls."""

    def __init__(
        self,
        settings: Settings,
        algo: Algorithm,
        policy: Policy,
        checkpoints: Path,
        host: Host,
        model_seed: int,
    ) -> None:
        """Start them on a host. `model_seed`: that the tiny model and adapters are drawn from."""
        self.settings, self.algo, self.policy, self.host = settings, algo, policy, host
        self._checkpoints = checkpoints.absolute()  # who reads there may stand elsewhere
        size = settings.learner.processes
        gpus = 0 if settings.model.path == "tiny" else torch.cuda.device_count()
        if settings.cluster.kind == "local" and 0 < gpus < size:
            raise ConfigError(
                f"learner.processes={size}: each takes a GPU of its own, and this machine has {gpus};"
                f" learner.processes={gpus}, or cluster=ray for more machines"
            )
        need = Need(settings.run.threads, 1.0 if gpus else 0.0)
        self.members: list[Member] = []
        for rank in range(size):
            seat = Seat(settings, rank, size, self._checkpoints / "reference", model_seed)
            self.members.append(host.start(f"learner-{rank}", partial(Rank, seat), need))
        self._joined = False

    def warm(self, table: TokenTable, seed: int, saved: Saved | None) -> int:
        """Begin the warm start, or go on with it."""
        with Handed(self.policy, self._checkpoints, saved) as folder:
            shared, place = self.host.share(table), saved and saved.folder.absolute()
            rounds = self._all("warm", folder, shared, seed, place)[0]
        return int(rounds)

    def round(self, number: int) -> dict[str, float]:
        """Do a round of the warm start."""
        metrics: dict[str, float] = self._all("round", number)[0]
        self._take_over("warm", list(self.policy.parameters()))
        return metrics

    def begin(self, saved: Saved | None) -> None:
        """Begin RL, or go on with it."""
        reference_of(self.policy, self._checkpoints / "reference", self.algo, saved)
        with Handed(self.policy, self._checkpoints, saved) as folder:
            self._all("begin", folder, saved and saved.folder.absolute())
        if "values" in self.algo.needs and self.settings.learner.critic == "head":
            self.policy.add_value_head(self.algo.heads)  # it is in no folder
            self._take_over("policy", list(self.policy.parameters()))

    def learn(
        self,
        table: TokenTable,
        state: AlgoState,
        iteration: int,
        seed: int,
        *,
        fresh: bool,
        keep: Keep | None,
    ) -> dict[str, float]:
        """Train on one iteration's table."""
        shared = self.host.share(table)
        answers = self._all("learn", shared, state, iteration, seed, fresh, keep is not None)
        metrics: dict[str, float] = answers[0][0]
        if keep is not None:
            keep(table, answers[0][1])
        self._take_over("policy", list(self.policy.parameters()))
        return metrics

    def save(self, part: Path) -> dict[str, Any]:
        """Let each process write its piece."""
        folder = (part / FOLDER).absolute()
        folder.mkdir()
        return {"steps": self._all("save", folder)[0], "processes": len(self.members)}

    def critic(self) -> Critic | None:
        """Return a copy of the critic."""
        if "values" not in self.algo.needs or self.settings.learner.critic == "head":
            return None
        critic = Critic.like(self.policy, self.algo.heads)
        self._take_over("critic", critic.parameters())
        return critic

    def close(self) -> None:
        """End the processes."""
        for member in self.members:
            member.end()

    def _take_over(self, of: str, targets: list[nn.Parameter]) -> None:
        """Copy weights, as an optimiser of theirs has them, into parameters of ours."""
        for place, some in pieces(targets):
            found = self._all("weights", of, place, [p.dtype for p in some])[0]
            with torch.no_grad():
                for parameter, tensor in zip(some, found, strict=True):
                    parameter.copy_(tensor)

    def _all(self, method: str, *args: Any) -> list[Any]:
        """Return the answers of all processes, which have met by then."""
        if not self._joined:
            self._joined = True
            self._meet()
        return self._asked(method, self.members, *args)

    def _meet(self) -> None:
        """Let the processes meet, once all of them are there."""
        places = self._asked("place", self.members, longer=START)
        (address,) = self._asked("meet", self.members[:1])
        log.info("learner processes on %s meet at %s", ", ".join(places), address)
        self._all("join", address)

    def _asked(self, method: str, members: list[Member], *args: Any, longer: float = 0.0) -> list[Any]:
        """Return the answers of processes to one call, which may take so much longer than others.

        Errors: RunError that names the process which is to blame, as far as can be known; all are ended.
        """
        deadline = self.settings.cluster.deadline + longer
        calls = [member.call(method, *args, deadline=deadline) for member in members]
        try:
            return gathered(calls)
        except ChildError as why:
            told = blame(calls)
            self.close()
            raise RunError(
                f"{told}. The last checkpoint is whole: 'agentrl resume {self._checkpoints.parent}' goes on"
                " from there"
            ) from why
        except AgentRLError:
            self.close()
            raise


class Handed:
    """The folder of the policy that processes begin with: a checkpoint's, or one there for a while."""

    def __init__(self, policy: Policy, checkpoints: Path, saved: Saved | None) -> None:
        self.policy, self.saved, self._own = policy, saved, checkpoints / "handed"

    def __enter__(self) -> Path:
        if self.saved is not None:
            return self.saved.folder.absolute() / "policy"
        checkpoint.save_policy(self.policy, self._own)
        return self._own

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._own, ignore_errors=True)


def pieces(parameters: list[nn.Parameter]) -> Iterator[tuple[int, list[nn.Parameter]]]:
    """Yield runs of parameters of at most `PIECE` bytes, a larger one alone, and where each begins."""
    begin, size = 0, 0
    for number, parameter in enumerate(parameters):
        own = parameter.numel() * parameter.element_size()
        if number > begin and size + own > PIECE:
            yield begin, parameters[begin:number]
            begin, size = number, 0
        size += own
    yield begin, parameters[begin:]


def blame(calls: list[Call]) -> str:
    """Return in words which processes failed, once one of these calls has.

    One that is gone makes the others fail, who wait for it: what they say is then of no interest. Where one
    says that it waited in vain, those that say nothing are named beside it.
    """
    waiting = [call for call in calls if not call.done()]
    until = time.monotonic() + GRACE
    while waiting and (left := until - time.monotonic()) > 0:
        first(waiting, left)
        waiting = [call for call in waiting if not call.done()]
    failed = {call: call.exception() for call in calls if call.done()}
    lost = [call for call, why in failed.items() if isinstance(why, LostError)]
    late = [call for call, why in failed.items() if isinstance(why, DeadlineError)]
    if lost:
        return "; ".join(str(failed[call]) for call in lost)
    said = [
        f"{call.member.name}: {why}" for call, why in failed.items() if why is not None and call not in late
    ]
    silent = [call.member.name for call in [*waiting, *late]]
    if silent:
        said.append(
            f"no answer to {calls[0].what} from {', '.join(silent)}, which may hang (or be at work:"
            " cluster.deadline)"
        )
    return "; ".join(said)

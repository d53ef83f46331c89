"""A team of processes that hold a model in pieces: FSDP2 under torch.distributed.

Each process keeps its piece of every weight, gradient and moment. A forward pass gathers a layer at a time
and lets go of it; the backward pass adds the gradients of all processes up, piece by piece. They are summed
and not averaged: the denominators of a loss count the whole optimiser step already.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from agentrl.batch import microbatches
from agentrl.learner.adam import EXACT
from agentrl.learner.team import Model
from agentrl.table import TokenTable

LOOPBACK = "127.0.0.1"


class Door(nn.Module):
    """What every forward pass of a model goes through, for its weights to be gathered first."""

    def __init__(self, parts: Iterable[nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, work: Callable[..., Any], *args: Any) -> Any:
        """Return what the work does."""
        return work(*args)


class Sharded:
    """This process among those that learn together, once they have joined."""

    def __init__(
        self, rank: int, size: int, store: dist.Store, *, patience: float, device: torch.device
    ) -> None:
        """Join the others, which meet in `store`; who waits for them in vain fails after `patience` s."""
        self.rank, self.size = rank, size
        # Whole-table columns live on processors: they travel by gloo also where weights do by nccl.
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(
            backend, store=store, rank=rank, world_size=size, timeout=timedelta(seconds=patience)
        )
        self.mesh = init_device_mesh(device.type, (size,))

    def close(self) -> None:
        """Leave the others."""
        dist.destroy_process_group()

    def dealt(self, table: TokenTable, budget: int) -> Iterator[tuple[Tensor, Tensor, bool]]:
        """Yield every `size`-th micro-batch, and once more the last one where others have one more.

        They are as small as it takes for each member to have as much to do.
        """
        rows = (table.rows[row] for row in table.row.unique().tolist())
        total = sum({ids.tobytes(): len(ids) for ids in rows}.values())
        rounds = -(-total // (budget * self.size))
        # Longest first: what is done at a time is of like length.
        every = list(microbatches(table, -(-total // (rounds * self.size))))
        for number in range(self.rank, -(-len(every) // self.size) * self.size, self.size):
            yield *every[min(number, len(every) - 1)], number < len(every)

    def whole(self, columns: Mapping[str, Tensor], tokens: Tensor, count: int) -> dict[str, Tensor]:
        """Return the columns of all members put together: no two have the same token."""
        found = {}
        for name in sorted(columns):  # everywhere in one order
            column = columns[name]
            every = column.new_zeros((count, *column.shape[1:]))
            every[tokens] = column
            dist.all_reduce(every)
            found[name] = every
        return {name: found[name] for name in columns}

    def summed(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the sums over all members, by name."""
        every = torch.tensor([values[name] for name in sorted(values)], dtype=torch.float64)
        dist.all_reduce(every)
        sums = dict(zip(sorted(values), every.tolist(), strict=True))
        return {name: sums[name] for name in values}

    def largest(self, value: float) -> float:
        """Return the largest that a member gives."""
        every = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(every, dist.ReduceOp.MAX)
        return float(every)

    def own(self, tensor: Tensor) -> Tensor:
        """Return the piece of a tensor that is here."""
        return tensor.to_local() if isinstance(tensor, DTensor) else tensor

    def split(self, model: Model) -> None:
        """Leave this process with its piece of a model's weights.

        Weights of few bits that are trained become float32, and are rounded as they are gathered: what is
        stepped is the full number.
        """
        trunk, *heads = model.parts()
        low = {p.dtype for p in trunk.parameters() if p.requires_grad} - set(EXACT)
        how: dict[str, Any] = {"mesh": self.mesh, "reshard_after_forward": True}
        with_low = dict(how)
        if low:
            trunk.float()
            with_low["mp_policy"] = MixedPrecisionPolicy(
                low.pop(), reduce_dtype=torch.float32, cast_forward_inputs=False
            )
        door = Door(model.parts())
        for layer in layers(trunk):
            fully_shard(layer, **with_low)
        for head in heads:  # a number format of its own
            fully_shard(head, **how)
        fully_shard(door, **with_low)
        for part in door.modules():
            if isinstance(part, FSDPModule):
                part.set_gradient_divide_factor(1.0)
                part.set_force_sum_reduction_for_comms(True)
        model.enter, model.team = door, self


def layers(trunk: nn.Module) -> list[nn.Module]:
    """Return the blocks of a transformer, those that its class says are not to be cut."""
    names = set(getattr(trunk, "_no_split_modules", None) or ())
    return [part for part in trunk.modules() if type(part).__name__ in names]


def gathered(tensor: Tensor) -> Tensor:
    """Return a tensor whole, on the processor; all members ask."""
    whole = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return whole.detach().cpu()


def fill(target: Tensor, whole: Tensor) -> None:
    """Put a whole tensor in the place of one that may be held in pieces."""
    whole = whole.to(target.device, target.dtype)
    if isinstance(target, DTensor):
        # Every process has the whole: each takes its piece, nothing is sent.
        whole = distribute_tensor(whole, target.device_mesh, target.placements, src_data_rank=None)
    with torch.no_grad():
        target.copy_(whole)


def meeting(local: bool) -> tuple[dist.TCPStore, str]:
    """Return a store on a free port of this machine, where processes meet, and its address."""
    host = LOOPBACK if local else own_address()
    # A door that torch opens by itself is open on all of the machine's networks.
    door = socket.create_server((host, 0), backlog=128)
    port = door.getsockname()[1]
    store = dist.TCPStore(
        host, port, is_master=True, wait_for_workers=False, master_listen_fd=door.detach(), use_libuv=True
    )
    return store, f"{host}:{port}"


def met(address: str) -> dist.TCPStore:
    """Return the store at an address."""
    host, _, port = address.rpartition(":")
    return dist.TCPStore(host, int(port), is_master=False, wait_for_workers=False)


def own_address() -> str:
    """Return the address under which other machines reach this one: nothing is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # reserved for documentation
            return str(probe.getsockname()[0])
        except OSError:  # no network: the others are here
            return LOOPBACK


def stay_here() -> None:
    """Let gloo meet on this machine alone, whatever its name resolves to."""
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")


def place_of(rank: int, tiny: bool) -> torch.device:
    """Return where a process learns: a GPU of its own, or the processor."""
    if tiny or not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", rank % torch.cuda.device_count())
    torch.cuda.set_device(device)
    return device

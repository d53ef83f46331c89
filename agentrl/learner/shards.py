"""What a learner holds beside its policy, kept in pieces: each process writes and reads its own.

By names that say nothing of pieces: any number of processes reads what any number wrote, one included:
`policy/3/weight`, `policy/3/exp_avg`, ..., and under `origin/` the same of where a half step began.
"""

import pickle
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.metadata import Metadata
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.optim import AdamW

from agentrl.errors import RunError
from agentrl.learner.adam import exact, parameters_of, settle
from agentrl.learner.extragradient import Origin
from agentrl.learner.sharded import fill

FOLDER = "learner"
"""in a checkpoint"""
ORIGIN = "origin/"
MOMENTS = ("step", "exp_avg", "exp_avg_sq")
_OF_AN_INDEX = {
    "torch.distributed.checkpoint.metadata": {
        "BytesStorageMetadata", "ChunkStorageMetadata", "Metadata", "MetadataIndex", "StorageMeta",
        "TensorProperties", "TensorStorageMetadata", "_MEM_FORMAT_ENCODING",
    },
    "torch.distributed.checkpoint.filesystem": {"_StorageInfo"},
    "torch.serialization": {"_get_layout"},
    "pathlib": {"Path", "PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath"},
}  # fmt: skip
"""what torch's index of pieces is made of, beside sizes and types of numbers"""


def write(folder: Path, optimizers: Mapping[str, AdamW], origin: Origin | None) -> None:
    """Write weights and moments; all processes of a team do.

    Errors: RunError where the disk does not take them.
    """
    with _alone_or_not() as alone, _said(folder, "written"):
        save(dict(_named(optimizers, origin)), checkpoint_id=folder, no_dist=alone)


def read(folder: Path, optimizers: Mapping[str, AdamW]) -> Origin | None:
    """Put weights and moments back, whoever wrote them; return where a half step began, if one did.

    Errors: RunError where a piece cannot be read.
    """
    pieces = Pieces(folder)
    names = pieces.read_metadata().state_dict_metadata

    def put(targets: dict[str, Tensor]) -> None:
        with _alone_or_not() as alone, _said(folder, "read"):
            load(targets, storage_reader=pieces, no_dist=alone)

    return _restored(optimizers, set(names), put)


def take(state: Mapping[str, Any], optimizers: Mapping[str, AdamW]) -> Origin | None:
    """Put back what a learner in one process kept in `state.pt`; return as `read`.

    Its weights are not in it but for those of few bits, whose full numbers are the first of an optimiser's.
    """
    found: dict[str, Tensor] = {}

    def add(prefix: str, moments: Mapping[str, Any], weights: list[Tensor]) -> None:
        masters = moments.get("masters", [])
        for number, weight in enumerate([*masters, *weights[len(masters) :]]):
            found[f"{prefix}/{number}/weight"] = weight
        for number, kept in moments["state"].items():
            found.update((f"{prefix}/{number}/{name}", kept[name]) for name in MOMENTS)

    for name, saved in state["optimizers"].items():
        add(name, saved, [])
    if origin := state.get("origin"):
        for name, saved in origin["moments"].items():
            add(f"{ORIGIN}{name}", saved, origin["weights"][name])

    def put(targets: dict[str, Tensor]) -> None:
        for name, tensor in found.items():
            fill(targets[name], tensor)

    return _restored(optimizers, set(found), put)


class Pieces(FileSystemReader):
    """Reads pieces by an index that a stranger may have made: torch would run whatever is pickled in it."""

    def read_metadata(self, *args: Any, **kwargs: Any) -> Metadata:
        """Return the index.

        Errors: RunError where there is none, it is damaged, or it names anything that no index is made of.
        """
        path = Path(self._get_metadata_path(kwargs.get("rank")))
        try:
            with path.open("rb") as file:
                index = _Index(file).load()
        except Exception as why:  # a damaged pickle can raise anything
            raise RunError(
                f"{path} is no index of a learner's pieces: {str(why) or type(why).__name__}"
            ) from why
        if not isinstance(index, Metadata):
            raise RunError(f"{path} is no index of a learner's pieces: it holds a {type(index).__name__}")
        if not isinstance(getattr(index, "state_dict_metadata", None), dict):
            raise RunError(f"{path} is no index of a learner's pieces: it names none")
        if index.storage_meta is not None:
            index.storage_meta.load_id = self.load_id
        return index


class _Index(pickle.Unpickler):
    """Unpickles an index of pieces and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what the pickle names, if an index can be made of it."""
        plain = module == "torch" and isinstance(getattr(torch, name, None), torch.dtype)
        if plain or (module, name) == ("torch", "Size") or name in _OF_AN_INDEX.get(module, ()):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it names {module}.{name}")


@contextmanager
def _alone_or_not() -> Iterator[bool]:
    """Give whether this process has no company: torch warns of that, though it is what is meant."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        yield not dist.is_initialized()


@contextmanager
def _said(folder: Path, what: str) -> Iterator[None]:
    """Turn what torch raises for all processes, which is no `Exception`, into the first one's reason."""
    try:
        yield
    except CheckpointException as why:
        rank, (reason, _) = next(iter(why.failures.items()))
        text = " ".join(str(reason).split()) or type(reason).__name__
        free = shutil.disk_usage(next(place for place in folder.parents if place.is_dir())).free >> 20
        raise RunError(
            f"{folder} could not be {what} by learner process {rank} ({free:,} MiB are free there): {text}"
        ) from why


def _named(optimizers: Mapping[str, AdamW], origin: Origin | None) -> Iterator[tuple[str, Tensor]]:
    """Yield every tensor by its name."""
    for name, optimizer in optimizers.items():
        yield from _of(name, exact(optimizer), optimizer.state_dict()["state"])
        if origin is not None:
            moments = origin.moments[name]
            masters = moments.get("masters", [])
            weights = [*masters, *origin.weights[name][len(masters) :]]
            yield from _of(f"{ORIGIN}{name}", weights, moments["state"])


def _of(prefix: str, weights: list[Tensor], moments: Mapping[int, Any]) -> Iterator[tuple[str, Tensor]]:
    for number, weight in enumerate(weights):
        yield f"{prefix}/{number}/weight", weight
        for name in MOMENTS if number in moments else ():
            yield f"{prefix}/{number}/{name}", moments[number][name]


def _restored(
    optimizers: Mapping[str, AdamW], names: set[str], put: Callable[[dict[str, Tensor]], None]
) -> Origin | None:
    """Let `put` fill tensors of these names; return the origin, where there are names of one."""
    for name, optimizer in optimizers.items():
        weights = exact(optimizer)
        for number, parameter in enumerate(parameters_of(optimizer)):
            if f"{name}/{number}/step" in names:
                zero = torch.zeros_like(weights[number])
                optimizer.state[parameter] = {
                    "step": torch.zeros(()), "exp_avg": zero, "exp_avg_sq": zero.clone()
                }  # fmt: skip
    origin = None
    if any(name.startswith(ORIGIN) for name in names):
        held = {name: [p.detach().clone() for p in parameters_of(o)] for name, o in optimizers.items()}
        origin = Origin(held, {name: deepcopy(o.state_dict()) for name, o in optimizers.items()})
    put({name: tensor for name, tensor in _named(optimizers, origin) if name in names})
    for optimizer in optimizers.values():
        settle(optimizer)
    return origin

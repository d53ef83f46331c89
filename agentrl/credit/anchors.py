"""Credit by comparison among turns taken from the same state."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

import torch
from torch import Tensor

from agentrl.credit.groups import Scale, group_relative
from agentrl.errors import ConfigError, ShapeError

_Head = tuple[str, SequenceMatcher[str]]
"""First member of a cluster, and what compares texts to it."""


def anchor_relative(
    step_return: Tensor, anchor: Tensor, *, scale: Scale = "std", eps: float = 1e-6
) -> Tensor:
    """Return each turn's return minus the mean over the turns taken from the same state.

    Source: step-level term of GiGPO (arXiv:2505.10978), as its published code computes it.
    Shapes: step_return [S] float, anchor [S] int (equal numbers: same group, same state; see `anchor_codes`);
            returns [S].
    Units:  those of the return, or standard deviations (unbiased) if scaled.
    Edge:   a state visited once says nothing about its action, so its turn gets 0; NaN too.
    """
    return group_relative(step_return, anchor, scale=scale, eps=eps, singleton="zero")


def anchor_codes(
    group: Sequence[Hashable],
    observations: Sequence[object],
    *,
    similarity: float | None = None,
) -> Tensor:
    """Return a number for each turn, equal for turns of one group that saw the same observation.

    Lists, tuples and dicts are compared by content (key order does not matter), arrays by their flattened
    numbers, 1 and 1.0 and True are equal, texts must be equal to the letter. With `similarity`, texts are put
    into the first cluster of their group whose first member has at least that SequenceMatcher ratio to them.

    Source: anchor states of GiGPO (arXiv:2505.10978), as its published code groups them.
    Shapes: group [S], observations [S]; returns [S] int, numbered by first appearance.
    Units:  `similarity` in [0, 1].
    Errors: ShapeError if lengths differ; ConfigError where similarity is asked for and an observation is no
            text.
    """
    if len(group) != len(observations):
        raise ShapeError(f"axis S is {len(group)} in group but {len(observations)} in observations")
    if similarity is None:
        forms: Iterable[Hashable] = (seen if type(seen) is str else _form(seen) for seen in observations)
    else:
        forms = _clusters(group, observations, similarity)
    codes: dict[tuple[Hashable, Hashable], int] = {}
    numbers = [codes.setdefault(key, len(codes)) for key in zip(group, forms, strict=True)]
    return torch.tensor(numbers, dtype=torch.long)


def _form(x: object) -> Hashable:
    """Return a hashable form of an observation; equal forms are the same state."""
    if isinstance(x, str | int | float | None):
        return x
    if isinstance(x, Mapping):
        return frozenset((key, _form(value)) for key, value in x.items())
    if isinstance(x, list | tuple):
        return tuple(_form(item) for item in x)
    flat = getattr(x, "flatten", None)  # numpy arrays, numpy numbers and tensors alike
    if flat is not None:
        items = tuple(flat().tolist())
        return items if getattr(x, "ndim", 1) else items[0]
    if isinstance(x, Hashable):
        return x
    raise ConfigError(
        f"an observation of type {type(x).__name__} cannot name a state: it has no hashable form"
    )


def _clusters(group: Sequence[Hashable], observations: Sequence[object], threshold: float) -> Iterator[str]:
    """Yield the first member of each text's cluster.

    A text met again in its group joins the cluster it joined before: clusters are only ever added at the end.
    """
    heads: dict[Hashable, list[_Head]] = {}
    known: dict[tuple[Hashable, str], str] = {}
    for number, (name, text) in enumerate(zip(group, observations, strict=True)):
        if not isinstance(text, str):
            raise ConfigError(
                f"similarity compares texts, but observation {number} is a {type(text).__name__}"
            )
        if (name, text) not in known:
            known[name, text] = _cluster(heads.setdefault(name, []), text, threshold)
        yield known[name, text]


def _cluster(heads: list[_Head], text: str, threshold: float) -> str:
    """Return the first member of the first cluster that `text` is close to, opening one where none is."""
    for head, matcher in heads:
        matcher.set_seq1(text)
        # The two quick ratios are upper bounds: asking them first changes the time taken, nothing else.
        bounds = (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio)
        if all(bound() >= threshold for bound in bounds):
            return head
    # A matcher indexes its second text, and that one stays.
    heads.append((text, SequenceMatcher(None, "", text)))
    return text

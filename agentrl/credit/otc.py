"""Reward for correct answers with few tool calls (OTC-PO, arXiv:2504.14870).

    f(m, n)   0 if m = n = 0;  m if n = 0;  2 n m / (m + n) otherwise
    r_tool    1 if f = n = 0;  cos(pi m / (2 m + c)) if n = 0;  sin(pi f / (2 n)) otherwise
    reward    alpha * r_tool * reward

m is what an episode's calls came to, n the least that a correct episode of its task needed. Calls are
counted or priced: every formula takes real numbers. Where n is not known, the cosine is used.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from agentrl.errors import ConfigError
from agentrl.shapes import expect


def harmonic(calls: Tensor, least: Tensor) -> Tensor:
    """Return f(m, n), the calls of an episode on a scale where the least count n has no end above 2 n.

    Source: OTC-GRPO (arXiv:2504.14870).
    Shapes: calls, least [B], not negative; returns [B].
    Edge:   NaN where the least count is NaN.
    """
    expect("B", calls=calls, least=least)
    mean = 2.0 * least * _part(calls, least)
    return torch.where(least == 0, calls, mean)


def efficiency(calls: Tensor, least: Tensor, c: Tensor | float) -> Tensor:
    """Return r_tool, how far an episode's calls are from the least: 1 for as few, falling towards 0.

    Source: OTC-GRPO, and OTC-PPO where `least` is NaN (arXiv:2504.14870); c is published as the most calls
            that an episode may make, 4 for search and 3 for code.
    Shapes: calls, least [B], not negative, NaN for an unknown least; c a number or [B], above 0; returns [B].
    Edge:   fewer calls than the least lower it, too: they have never been enough.
    Errors: ConfigError where c is not above 0.
    """
    expect("B", calls=calls, least=least)
    smoothing = torch.as_tensor(c, dtype=calls.dtype)
    if not bool((smoothing > 0).all()):
        raise ConfigError(f"c={float(smoothing.min()):g}: must be above 0")
    falling = torch.cos(torch.pi * calls / (2.0 * calls + smoothing))
    arch = torch.sin(torch.pi * _part(calls, least))  # f / (2 n) is m / (m + n)
    return torch.where((least == 0) | least.isnan(), falling, arch)


def _part(calls: Tensor, least: Tensor) -> Tensor:
    """Return m / (m + n), 0 where both are 0."""
    return calls / (calls + least).clamp(min=torch.finfo(calls.dtype).tiny)


def least_calls(calls: Tensor, correct: Tensor, group: Tensor) -> Tensor:
    """Return for each episode the fewest calls of a correct episode of its group.

    Source: n of OTC-GRPO (arXiv:2504.14870), within a group.
    Shapes: calls [B], correct [B] bool, group [B] int; returns [B].
    Edge:   NaN where no episode of the group is correct.
    """
    expect("B", calls=calls, correct=correct, group=group)
    names, slot = torch.unique(group, return_inverse=True)
    least = calls.new_full((len(names),), torch.inf)
    least = least.scatter_reduce(0, slot[correct], calls[correct], "amin")
    return torch.where(least.isinf(), torch.nan, least)[slot]


def remembered(
    memory: Mapping[str, float], task: Sequence[str], calls: Tensor, correct: Tensor
) -> dict[str, float]:
    """Return the fewest calls of a correct episode of each task, of these episodes and earlier ones.

    Source: n of OTC-GRPO (arXiv:2504.14870) as its experiments have it: kept from iteration to iteration, and
            lowered before rewards are given.
    Shapes: task: names, calls [B], correct [B] bool; returns a number a task that was ever solved.
    """
    expect("B", calls=calls, correct=correct)
    found = dict(memory)
    for name, count, right in zip(task, calls.tolist(), correct.tolist(), strict=True):
        if right:
            found[name] = min(count, found.get(name, count))
    return found


def scaled_reward(reward: Tensor, efficiency: Tensor, *, alpha: float = 1.0) -> Tensor:
    """Return alpha * r_tool * reward where the reward is above 0, and the reward elsewhere.

    Source: OTC-PO (arXiv:2504.14870); published code leaves rewards of 0 and less alone, so that a wrong
            answer gains nothing by calls, made or saved.
    Shapes: reward, efficiency [B]; returns [B].
    """
    expect("B", reward=reward, efficiency=efficiency)
    return torch.where(reward > 0, alpha * efficiency * reward, reward)


def unpunished(advantage: Tensor, correct: Tensor) -> Tensor:
    """Return the advantages, those of correct episodes at least 0.

    Where all episodes of a group are correct, the one with the most calls has a negative advantage, and what
    is right about it is unlearnt.

    Source: "sign reversal" in AdaTIR (arXiv:2601.14696).
    Shapes: advantage [B], correct [B] bool; returns [B].
    """
    expect("B", advantage=advantage, correct=correct)
    return torch.where(correct, advantage.clamp(min=0.0), advantage)

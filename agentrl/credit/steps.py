"""What the steps of one answer weigh against those of another, and what an answer scores by its steps."""

from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from agentrl.errors import ConfigError, nearest
from agentrl.shapes import expect

StepWeight = Literal["one_plus_cos", "one_minus_cos", "none"]
"""More weight on steps that look like the best answer's, on those that do not, or none at all"""


def step_means(x: Tensor, step: Tensor, count: int) -> Tensor:
    """Return the mean of `x` over the tokens of each step.

    Shapes: x [N] or [N, H], step [N] int in [0, count); returns [count] or [count, H].
    Edge:   a step without tokens gets 0.
    """
    total = x.new_zeros((count, *x.shape[1:])).index_add(0, step, x)
    tokens = torch.bincount(step, minlength=count).clamp(min=1).to(x.dtype)
    return total / (tokens if x.ndim == 1 else tokens[:, None])


def step_weights(
    hidden: Tensor, step: Tensor, answer: Tensor, best: int, how: str = "one_plus_cos"
) -> Tensor:
    """Return a weight for each step, 0 to 2: 1 + cos of its mean hidden state and that of the best answer's.

    Source: published code of Tree Preference Optimization (arXiv:2410.12854); one_minus_cos is ours.
    Shapes: hidden [N, H], step [N] int: place of a token's step in its answer, from 0, answer [N] int, `best`
            one of them; returns [answers, steps], without gradient.
    Edge:   a step that an answer or the best one does not have weighs 0.
    Errors: ConfigError for an unknown rule.
    """
    allowed = get_args(StepWeight)
    if how not in allowed:
        raise ConfigError(f"step_weight={how!r} is not one of {', '.join(allowed)}{nearest(how, allowed)}")
    expect("N", step=step, answer=answer)
    answers, steps = int(answer.max()) + 1, int(step.max()) + 1
    flat = answer * steps + step
    there = (torch.bincount(flat, minlength=answers * steps) > 0).reshape(answers, steps)
    if how == "none":
        return there.to(hidden.dtype)
    mean = step_means(hidden.detach(), flat, answers * steps).reshape(answers, steps, -1)
    cos = cosine_similarity(mean, mean[best][None], dim=-1)
    return torch.where(there & there[best], 1.0 + (cos if how == "one_plus_cos" else -cos), 0.0)


def weighted_scores(ratio: Tensor, step: Tensor, answer: Tensor, weight: Tensor) -> Tensor:
    """Return the score of each answer: the weighted mean over its steps of their mean log-ratios.

    Source: published code of Tree Preference Optimization (arXiv:2410.12854).
    Shapes: ratio [N], step, answer [N] int, weight [answers, steps]; returns [answers], with gradient.
    Edge:   an answer whose steps all weigh 0 scores 0.
    """
    expect("N", ratio=ratio, step=step, answer=answer)
    answers, steps = weight.shape
    mean = step_means(ratio, answer * steps + step, answers * steps).reshape(answers, steps)
    total = weight.sum(1)
    return (weight * mean).sum(1) / torch.where(total > 0, total, 1.0)


def merged_tail(step: Tensor, answer: Tensor) -> Tensor:
    """Return steps renumbered so that all past the shortest answer's last one belong to that one.

    Source: published code of Tree Preference Optimization (arXiv:2410.12854).
    Shapes: step, answer [N] int; returns [N] int.
    """
    longest = step.new_full((int(answer.max()) + 1,), -1).scatter_reduce(0, answer, step, "amax")
    return step.clamp(max=int(longest[longest >= 0].min()))

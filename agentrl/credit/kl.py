"""Weights of a divergence penalty that change while training goes on."""


def adapted(weight: float, divergence: float, target: float, share: float) -> float:
    """Return the weight after a step: raised where the divergence is above its target, lowered below.

    weight * (1 + clip(divergence / target - 1, -0.2, 0.2) * share)

    Source: adaptive controller of Ziegler et al. (arXiv:1909.08593).
    Units:  divergence and target in nats a token; `share` of the horizon that the step's episodes are.
    """
    error = min(0.2, max(-0.2, divergence / target - 1.0))
    return weight * (1.0 + error * share)


def vee(step: int, steps: int, low: float, high: float, *, warm: float = 0.3) -> float:
    """Return a weight that falls from the middle to `low` over the first part, then rises to `high`.

    With w = warm * steps and mid = (low + high) / 2: mid - (mid - low) * step / w up to w, then
    low + (high - low) * (step - w) / (steps - w).

    Source: GRPO-D of OThink-MR1 (arXiv:2503.16081); its prose says the weight starts small, its formula is
            this one.
    Edge:   steps past the end keep `high`.
    """
    turn, middle = warm * steps, (low + high) / 2.0
    if step <= turn:
        return middle - (middle - low) * step / turn if turn else low
    return low + (high - low) * min(1.0, (step - turn) / (steps - turn))

"""How far a pair would drag its own chosen answer down, told before anything is learnt from it."""

from torch import Tensor

from agentrl.shapes import expect


def ches(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Return <e+, e-> - ||e+||^2 for each pair, e the sum of hidden states before a side's tokens.

    High where both answers look alike to the model: then pushing one down pushes the other down.

    Source: CHES score (arXiv:2410.08847).
    Shapes: chosen, rejected [P, H]: sums over the states from which a side's tokens were predicted; returns
            [P]. Of means instead of sums it is the length-normalised score.
    Edge:   equal sides give 0.
    """
    expect("P H", chosen=chosen, rejected=rejected)
    return (chosen * rejected).sum(1) - (chosen * chosen).sum(1)

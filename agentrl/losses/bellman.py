"""The loss on Bellman residuals."""

from torch import Tensor

from agentrl.losses.reduce import weights
from agentrl.shapes import expect


def bellman(residual: Tensor, state: Tensor, trajectory: Tensor, *, weight: Tensor | None = None) -> Tensor:
    """Return the mean over trajectories of the mean squared residual of their states.

    Source: OREO (arXiv:2412.16145): the value loss of a value residual, the policy loss of a policy residual.
    Shapes: residual [N] float, state [N] bool, trajectory [N] int, weight [B] indexed by trajectory; returns
            a scalar.
    Units:  reward units squared.
    Edge:   trajectories without a state do not count; residuals elsewhere are not read.
    """
    expect("N", residual=residual, state=state, trajectory=trajectory)
    of = trajectory[state]
    share = weights("seq-mean-token-mean", of).to(residual.dtype)
    if weight is not None:
        share = share * weight.detach()[of]
    return (share * residual[state] ** 2).sum()

"""On-policy distillation: the policy plays, a teacher reads along and credits every token.

    A[t] = w A_outcome - coef (log p_student[t] - log p_teacher[t])

The student's own log-probabilities are those it played with, so the mean of the bracket is the divergence
from the teacher where the student really goes, and this credit lowers it. With `support` the divergence is
taken over several tokens in each place and enters the loss instead. The teacher is a model folder with the
student's tokens: a checkpoint's `policy`, or a run's `model`.

KEPO (arXiv:2602.00400) is GRPO, and a divergence from the teacher on the episodes that went well.
"""

from dataclasses import dataclass, replace

from agentrl.algo import AlgoState, Losses, TokenCredit, above
from agentrl.batch import TokenTable
from agentrl.credit.groups import group_relative
from agentrl.credit.teacher import teacher_term
from agentrl.errors import ConfigError
from agentrl.losses.distil import jensen_shannon, reverse_kl
from agentrl.registry import algo
from agentrl_algos.clipped import Clipped
from agentrl_algos.grpo import GRPO


@algo("opd")
@dataclass(frozen=True, slots=True)
class OPD(Clipped):
    """Credit a token for how likely a teacher finds it."""

    teacher: str = ""
    """folder of the teacher: a model with the same tokens"""
    group_size: int = 4
    """episodes of one task, at least 1, and 2 with outcome [ours]"""
    coef: float = 1.0
    """weight of the teacher's word, in reward units a nat [tinker-cookbook's code]"""
    discount: float = 0.0
    """how much of it reaches back to the tokens before, 0 to 1; 0: each token for itself
    [tinker-cookbook's code]"""
    support: int = 0
    """tokens compared in each place, the likeliest for the policy; 0: the sampled one alone
    (published: 0) [stop-gradient top-k: later papers' code]"""
    outcome: float = 0.0
    """weight of the comparison by returns inside a task (GRPO's), at least 0; 0: the teacher alone
    [arXiv:2402.03300]"""

    data = "fresh episodes"
    extra = "teacher"
    paper = "arXiv:2306.13649"

    @property
    def needs(self) -> frozenset[str]:
        """Columns of the clipped surrogate, and the teacher's."""
        several = {"support_teacher", "logp_support"} if self.support else set()
        return frozenset({"logp_old", "logp_teacher"} | several) | self.optional

    @property
    def invariances(self) -> frozenset[str]:
        """Without a word of the outcome nothing is changed by it; with one, differences count."""
        return frozenset({"shift"} | (set() if self.outcome else {"scale"}))

    def check(self) -> None:
        """Refuse to go without a teacher."""
        above(self.group_size, 1 if self.outcome else 0, "group_size")
        check_teacher(self.name, self.teacher)
        if self.support and self.discount:
            raise ConfigError(
                f"discount={self.discount}: with support={self.support} the teacher's word is a term of the"
                " loss, which reaches back to no earlier token"
            )

    def credit(self, table: TokenTable) -> TokenCredit:
        """Return the teacher's term and the weighted outcome for each token."""
        term = teacher_term(
            table.logp_behaviour.double(), table.get("logp_teacher").double(), table.trajectory,
            coef=0.0 if self.support else self.coef, discount=self.discount,
        )  # fmt: skip
        outcome = self.outcome * group_relative(self.score(table), table.trajectories.group)[table.trajectory]
        return TokenCredit(term + outcome, parts={"teacher": term, "outcome": outcome})

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the clipped surrogate a token; `teacher_gap` is the divergence from the teacher, in nats."""
        losses = Clipped.loss(self, table, state)
        gap = table.logp_behaviour - table.get("logp_teacher")
        losses = replace(losses, metrics={**losses.metrics, "teacher_gap": gap})
        if not self.support:
            return losses
        assert losses.policy is not None
        apart = reverse_kl(table.get("logp_support"), table.get("support_teacher"))
        return replace(losses, policy=losses.policy + self.coef * apart)


@algo("kepo")
@dataclass(frozen=True, slots=True)
class KEPO(GRPO):
    """GRPO that keeps near a teacher where the teacher's way is known to be good: on its own successes.

    The paper also replaces failed episodes by ones played with a hint; that is not offered.
    """

    teacher: str = ""
    """folder of the teacher: a model with the same tokens"""
    coef: float = 1.0
    """weight of the divergence, in reward units a nat (published: 1)"""
    tau: float = 1.0
    """least return of an episode that is compared with the teacher, in reward units; 0: all that are paid"""
    mix: float = 0.5
    """share of the teacher in the distribution that both are compared with, 0 to 1 without the ends"""
    support: int = 64
    """tokens compared in each place, the likeliest for the policy, the rest as one more; 0: the whole
    vocabulary (published: 0)"""

    aggregate = "seq-mean-token-mean"
    extra = "teacher"
    paper = "arXiv:2602.00400"

    @property
    def needs(self) -> frozenset[str]:
        """Columns of the clipped surrogate, and both models' at several tokens in each place."""
        return frozenset({"logp_old", "support_teacher", "logp_support"}) | self.optional

    def check(self) -> None:
        """Refuse to go without a teacher."""
        GRPO.check(self)
        check_teacher(self.name, self.teacher)
        if not 0 < self.mix < 1:
            raise ConfigError(f"mix={self.mix}: must be between 0 and 1")

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return GRPO's loss a token, and the divergence on episodes that returned enough."""
        losses = GRPO.loss(self, table, state)
        assert losses.policy is not None
        both = table.get("logp_support"), table.get("support_teacher")
        apart = jensen_shannon(*both, mix=self.mix, whole=not self.support)
        good = (table.trajectories.ret >= self.tau)[table.trajectory]
        metrics = {**losses.metrics, "teacher_gap": apart.detach(), "taught": good.to(apart.dtype)}
        return Losses(losses.policy + self.coef * good * apart, metrics=metrics)


def check_teacher(name: str, teacher: str) -> None:
    """Raise ConfigError where an algorithm that needs a teacher was given none."""
    if not teacher:
        raise ConfigError(f"algo '{name}' needs algo.teacher=FOLDER, a model with the same tokens")

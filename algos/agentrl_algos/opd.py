"""On-policy distillation: the policy plays, a teacher reads along and credits every token.

    A[t] = w A_outcome - coef (log p_student[t] - log p_teacher[t])

The student's own log-probabilities are those it played with, so the mean of the bracket is the divergence
from the teacher where the student really goes, and this credit lowers it. The teacher is a model folder with
the student's tokens: a checkpoint's `policy`, or a run's `model`.
"""

from dataclasses import dataclass, replace

from agentrl.algo import AlgoState, Losses, TokenCredit, above
from agentrl.batch import TokenTable
from agentrl.credit.groups import group_relative
from agentrl.credit.teacher import teacher_term
from agentrl.errors import ConfigError
from agentrl.registry import algo
from agentrl_algos.clipped import Clipped


@algo("opd")
@dataclass(frozen=True, slots=True)
class OPD(Clipped):
    """Credit a token for how likely a teacher finds it."""

    teacher: str = ""
    """folder of the teacher: a model with the same tokens"""
    group_size: int = 4
    """episodes of one task; 1 is fine while outcome is 0"""
    coef: float = 1.0
    """weight of the teacher's word, in reward units a nat"""
    discount: float = 0.0
    """how much of it reaches back to the tokens before, 0 to 1; 0: each token for itself"""
    outcome: float = 0.0
    """weight of the comparison by returns inside a task (GRPO's); 0: the teacher alone"""

    extra = "teacher"
    paper = "arXiv:2306.13649"

    @property
    def needs(self) -> frozenset[str]:
        """Columns of the clipped surrogate, and the teacher's."""
        return frozenset({"logp_old", "logp_teacher"}) | self.optional

    @property
    def invariances(self) -> frozenset[str]:
        """Without a word of the outcome nothing is changed by it; with one, differences count."""
        return frozenset({"shift"} | (set() if self.outcome else {"scale"}))

    def check(self) -> None:
        """Refuse to go without a teacher."""
        above(self.group_size, 1 if self.outcome else 0, "group_size")
        if not self.teacher:
            raise ConfigError(f"algo '{self.name}' needs algo.teacher=FOLDER, a model with the same tokens")

    def credit(self, table: TokenTable) -> TokenCredit:
        """Return the teacher's term and the weighted outcome for each token."""
        term = teacher_term(
            table.logp_behaviour.double(), table.get("logp_teacher").double(), table.trajectory,
            coef=self.coef, discount=self.discount,
        )  # fmt: skip
        outcome = self.outcome * group_relative(self.score(table), table.trajectories.group)[table.trajectory]
        return TokenCredit(term + outcome, parts={"teacher": term, "outcome": outcome})

    def loss(self, table: TokenTable, state: AlgoState) -> Losses:
        """Return the clipped surrogate a token; `teacher_gap` is the divergence from the teacher, in nats."""
        losses = Clipped.loss(self, table, state)
        gap = table.logp_behaviour - table.get("logp_teacher")
        return replace(losses, metrics={**losses.metrics, "teacher_gap": gap})

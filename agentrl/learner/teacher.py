"""A model that stands by and is asked how likely it finds what the policy wrote."""

from agentrl.errors import ConfigError
from agentrl.learner.model import Policy, load_model


def load_teacher(path: str, policy: Policy) -> Policy:
    """Return the frozen model of a folder, beside the policy and in its floating type.

    Errors: ConfigError where it cannot be loaded, or its tokens are not the policy's: log-probabilities of
            ids that mean something else would be noise.
    """
    dtype = str(next(policy.module.parameters()).dtype).removeprefix("torch.")
    teacher = load_model(path, dtype, str(policy.device))
    if teacher.tokenizer.get_vocab() != policy.tokenizer.get_vocab():
        own, other = len(policy.tokenizer.get_vocab()), len(teacher.tokenizer.get_vocab())
        raise ConfigError(
            f"algo.teacher={path}: its tokens are not the policy's ({other} and {own} entries); a teacher"
            " reads the student's own tokens, so both need one tokenizer"
        )
    return teacher.frozen_copy()

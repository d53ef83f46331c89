"""What the policy itself thinks of an action: how likely it answers yes when asked whether it was right."""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from agentrl.errors import ConfigError
from agentrl.rollout.chat import Chat
from agentrl.types import Request, Sampler, Turn

WORDS = ("yes", "no")


def asked(goal: str, turn: Turn, after: str) -> str:
    """Return the question about a turn, after which the environment said `after`."""
    parts = [
        f"Goal: {goal}" if goal else "",
        f"Observation:\n{turn.observation}",
        f"Action: {turn.action}",
        f"Observation after the action:\n{after}",
        "Does this action lead to the goal? Answer yes or no.",
    ]
    return "\n\n".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Opinion:
    """Asks a policy questions that are answered by yes or no."""

    sampler: Sampler
    chat: Chat
    options: "tuple[array[int], ...]"
    """yes and no as tokens"""

    @classmethod
    def of(cls, sampler: Sampler, chat: Chat) -> Self:
        """Return the opinion of a sampler's policy.

        Errors: ConfigError where its tokenizer cannot write the answers.
        """
        options = tuple(chat.encoded(word) for word in WORDS)
        for word, ids in zip(WORDS, options, strict=True):
            if chat.decoded(ids).strip() != word:
                raise ConfigError(
                    f"self_evaluation=true asks the model for 'yes' or 'no', and its tokenizer writes"
                    f" {word!r} as {chat.decoded(ids)!r}; turn it off, or use a model that knows the words"
                )
        return cls(sampler, chat, options)

    def confidences(self, questions: Sequence[str]) -> list[float]:
        """Return p(yes) / (p(yes) + p(no)) of each question.

        Edge: 0 where question and answer are longer than the context that the format allows.
        """
        chat = self.chat
        prompts = [chat.encoded(chat.rendered([("user", chat.defused(text))])) for text in questions]
        room = self.chat.form.max_context - max(map(len, self.options))
        fitting = [i for i, prompt in enumerate(prompts) if len(prompt) <= room]
        found = [0.0] * len(questions)
        if fitting:
            requests = [Request(prompts[i], (0, 0, 0, 0)) for i in fitting]
            sums = self.sampler.score(requests, [self.options] * len(fitting))
            for i, (yes, no) in zip(fitting, sums, strict=True):
                found[i] = 1.0 / (1.0 + math.exp(min(no - yes, 700.0)))
        return found

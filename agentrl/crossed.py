"""Pairs from programs and tests that a policy wrote itself: each program meets each test (DSTC).

An episode is a program and then a test, played in an environment that says in its measure `sound` whether
the test is any evidence. The second turns of a task's episodes are exchanged, and what comes of it is played
anew: the environment judges, and every prompt is the one that such an episode has. The sampler's log-
probabilities stay those of the episode in which a test was written.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from agentrl.credit.crossing import minimax
from agentrl.datafile import PlayedPair
from agentrl.errors import ConfigError
from agentrl.rollout.actors import Ask
from agentrl.rollout.chat import Chat
from agentrl.rollout.collect import Collector, Start
from agentrl.types import Sample, Sampling, Trajectory

SOUND = "sound"
"""measure of an episode: 1 where its test is evidence"""


Meetings = dict[tuple[int, int], tuple[Trajectory, Trajectory]]
"""Whose program meets whose test, by number of the task and a number for the sample that this makes"""


@dataclass(frozen=True, slots=True)
class Repeating:
    """An actor who says again what was said in other episodes."""

    chat: Chat
    said: Meetings
    sampling: Sampling = field(default_factory=Sampling)

    def replies(self, asks: Sequence[Ask]) -> list[Sample]:
        """Return one reply each, in order."""
        return [self._reply(*ask.request.key[1:]) for ask in asks]

    def _reply(self, number: int, sample: int, turn: int) -> Sample:
        one = self.said[number, sample][turn].turns[turn]
        cut = self.chat.decoded(one.action_ids) == one.text  # else the end token stands behind the text
        return Sample(one.action_ids, one.logprobs, "length" if cut else "stop")

    def finished(self, episodes: Sequence[int]) -> None:
        """Do nothing: nothing is remembered."""


def crossed(
    starts: Sequence[Start], played: Sequence[Trajectory], collector: Collector, gap: float
) -> Iterator[PlayedPair]:
    """Yield at most one pair a task, from its episodes: `credit.crossing.minimax` of who passes what.

    Programs and tests that say the same are one; a test that is no evidence is none.

    Units:  `gap`, the least difference of the programs' shares of tests passed, 0 to 1.
    Edge:   a task is left out where a meeting came to nothing, as where the sandbox broke.
    Errors: ConfigError where episodes are not of a program and a test.
    """
    if not any(SOUND in episode.metrics for episode in played if episode.scorable):
        name = played[0].task.id if played else ""
        raise ConfigError(
            f"how=dstc sets programs against tests, and no episode (of {name}, say) is of both:"
            " play env=code env.view=program env.asks=tests"
        )
    tasks: dict[int, list[Trajectory]] = defaultdict(list)
    for start, episode in zip(starts, played, strict=True):
        if episode.scorable and len(episode.turns) == 2 and all(turn.valid for turn in episode.turns):
            tasks[start.number].append(episode)
    drawn = {number: _board(own) for number, own in tasks.items()}
    boards = {number: both for number, both in drawn.items() if len(both[0]) > 1 and both[1]}
    fates = _fates(boards, 1 + max(start.sample for start in starts), collector)
    for rows in fates.values():
        if not all(end.scorable for row in rows for end in row):
            continue
        found = minimax([[end.success for end in row] for row in rows])
        if found is not None and found.margin >= gap:
            chosen, rejected = (rows[i][j] for i, j in (found.chosen, found.rejected))
            yield PlayedPair(chosen, rejected, 0, whole=True, margin=found.margin)


Board = tuple[list[Trajectory], list[Trajectory]]
"""Episodes with different programs, episodes with different tests"""


def _board(episodes: Sequence[Trajectory]) -> Board:
    """Return the first episode with each program, and the first with each test that is sound."""
    programs, tests = dict[str, Trajectory](), dict[str, Trajectory]()
    for episode in episodes:
        programs.setdefault(episode.turns[0].action, episode)
        if episode.metrics.get(SOUND):
            tests.setdefault(episode.turns[1].action, episode)
    return list(programs.values()), list(tests.values())


def _fates(boards: Mapping[int, Board], free: int, collector: Collector) -> dict[int, list[list[Trajectory]]]:
    """Return how programs (rows) fared in tests (columns), by task; sample numbers from `free` on are new."""
    meetings: Meetings = {}
    for number, (programs, tests) in boards.items():
        pairs = [(one, other) for one in programs for other in tests]
        meetings |= {(number, free + place): pair for place, pair in enumerate(pairs)}
    known = {key: one for key, (one, other) in meetings.items() if one is other}  # played as they are
    starts = [
        Start(one.task, one.group, sample, number)
        for (number, sample), (one, _) in meetings.items()
        if (number, sample) not in known
    ]
    actor = Repeating(collector.chat, meetings, collector.actor.sampling)
    for start, episode in zip(
        starts, replace(collector, actor=actor, schedule="logical").play(starts), strict=True
    ):
        known[start.number, start.sample] = episode.trajectory
    return {
        number: [
            [known[number, free + i * len(tests) + j] for j in range(len(tests))]
            for i in range(len(programs))
        ]
        for number, (programs, tests) in boards.items()
    }

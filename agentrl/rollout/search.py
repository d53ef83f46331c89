"""Searched trees: many grow side by side, and what they all want to know is asked in one batch.

A state is a moment to return to. Growing one means to sample some actions in it, to play each for one turn
from there, and to remember where that led. Trees take turns in lock-step: each search runs until it wants
states grown, then all of these are grown together. Random numbers are named by (seed, task number, path in
the tree), so a tree is the same whatever grows beside it.
"""

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from agentrl.algo import Searched
from agentrl.credit.search import Child, Search, prior, state_value
from agentrl.errors import ConfigError
from agentrl.rollout.actors import Ask, SamplerActor
from agentrl.rollout.collect import Collector, Each, check_tokens
from agentrl.rollout.confidence import Opinion, asked
from agentrl.rollout.episode import Answer, Episode, Moment, Rules, Start
from agentrl.rollout.stage import Worlds
from agentrl.rollout.tree import Grown
from agentrl.types import Node, Trajectory, Tree


def searched(starts: Sequence[Start], collector: Collector, plan: Searched) -> list[Grown]:
    """Return the tree of each start, in order, and the episodes that ended in it.

    Nodes hold the search's figures (`value` is V, `reward` what the value gained), and `way` what it went
    along.

    Edge:   actions that say the same to the environment are one; one that an environment fails on is none,
            and its episode is among those of the tree. An action's outcome is 2 score - 1.
    Errors: ConfigError where the environment cannot be restored, where the player is no policy, or where
            that cannot be asked about its own actions; RunError where a turn's tokens are not those that the
            sampler saw and wrote.
    """
    with collector.make_env() as env:
        if env.restorable == "no":
            raise ConfigError(
                f"env '{env.name}' cannot be restored (restorable='no'), so it cannot be searched;"
                " use an algorithm that plays episodes in groups"
            )
    done: dict[int, Grown] = {}
    with ExitStack() as made:
        each: Each = map
        if collector.threads:
            pool = ThreadPoolExecutor(collector.threads, thread_name_prefix="environment")
            each = made.enter_context(pool).map
        gardener = Gardener(collector, plan, Worlds(collector.make_env, made), each)
        waiting = deque(enumerate(starts))
        growing: dict[int, Growing] = {}
        while waiting or growing:
            entering: dict[int, Growing] = {}
            while waiting and len(growing) + len(entering) < gardener.beds:
                place, start = waiting.popleft()
                entering[place] = Growing(start, plan)
            gardener.plant(list(entering.values()))
            growing |= entering
            gardener.grow([tree for tree in growing.values() if tree.wanted])
            for place in [place for place, tree in growing.items() if not tree.wanted]:
                done[place] = growing.pop(place).grown()
            if collector.progress is not None:
                collector.progress(len(done), len(starts), gardener.tokens)
    return [done[place] for place in range(len(starts))]


@dataclass(frozen=True, slots=True)
class _State:
    """Where an action led."""

    moment: Moment
    answer: Answer
    """what the environment said there"""
    name: tuple[int, ...]
    """its path from the root: which of the actions sampled in each state"""


@dataclass(slots=True)
class Growing:
    """A tree in the making."""

    start: Start
    plan: Searched
    search: Search = field(init=False)
    wanted: list[int] = field(default_factory=list[int])
    """states to be grown next; none: the search is over"""
    goal: str = ""
    states: dict[int, _State] = field(default_factory=dict[int, _State])
    """of the search's nodes; those in which an episode ended have none"""
    nodes: list[Node] = field(default_factory=list[Node])
    """of the search's nodes but the root, without its figures"""
    ends: dict[int, Trajectory] = field(default_factory=dict[int, Trajectory])
    """episodes that ended, by the search's node"""
    failed: list[Trajectory] = field(default_factory=list[Trajectory])
    _walk: Iterator[list[int]] = field(init=False)

    def __post_init__(self) -> None:
        plan = self.plan
        self.search = Search(plan.depth, plan.exploration, select=plan.select)
        self._walk = {
            "mcts": lambda: self.search.moves(plan.walks),
            "best_first": lambda: self.search.best_first(plan.walks),
            "beam": lambda: self.search.beam(plan.width),
        }[plan.search]()

    def go_on(self) -> None:
        """Let the search run until it wants states grown, or is over."""
        self.wanted = next(self._walk, [])

    def starts(self, index: int) -> list[Start]:
        """Return the starts of the actions to be sampled in a state."""
        state = self.states[index]
        count = self.plan.actions if state.name else self.plan.actions_root
        return [
            replace(self.start, sample=_stream(self.start.sample, *state.name, i), moment=state.moment)
            for i in range(count)
        ]

    def end(self, index: int, over: Trajectory) -> None:
        """Take in that an episode ended in a state."""
        self.ends[index] = over
        if index:
            node = self.nodes[index - 1]
            self.nodes[index - 1] = replace(node, terminal=True, outcome=over.outcome, score=over.score)

    def grown(self) -> Grown:
        """Return the tree with the search's figures, and all episodes that ended."""
        found = self.search.nodes[1:]
        nodes = [
            replace(node, visits=one.visits, q=one.q, value=one.v, reward=one.reward)
            for node, one in zip(self.nodes, found, strict=True)
        ]
        way = tuple(index - 1 for index in self.search.way)
        ends = [self.ends[index] for index in sorted(self.ends)]
        episodes = [replace(one, sample=i) for i, one in enumerate([*ends, *self.failed])]
        return Grown(Tree(self.start.task, tuple(nodes), way), tuple(episodes))


def _stream(*path: int) -> int:
    """Return the number under which random streams know a path."""
    return int.from_bytes(hashlib.blake2b(repr(path).encode(), digest_size=7).digest(), "little")


@dataclass(slots=True)
class _Step:
    """One action sampled in a state, and where it led."""

    tree: Growing
    parent: int
    slot: int
    episode: Episode
    answer: Answer = field(default_factory=Answer)
    confidence: float = 1.0

    @property
    def said(self) -> tuple[int, int, str]:
        """Steps of which this is equal are one."""
        return id(self.tree), self.parent, self.episode.action


class Gardener:
    """Grows states of many trees at a time."""

    def __init__(self, collector: Collector, plan: Searched, worlds: Worlds, each: Each) -> None:
        self.tokens = 0
        """written so far"""
        self._plan, self._worlds, self._each = plan, worlds, each
        self._rules = Rules(collector.chat, collector.seed, collector.reward_weights)
        if not isinstance(collector.actor, SamplerActor):
            raise ConfigError(
                "a search asks a policy for several actions in a state, and this player is none"
            )
        self._actor = collector.actor
        self._reader = worlds.take()
        """stands in for the environment of episodes that are asked: only who acts needs one of its own"""
        self._opinion = Opinion.of(self._actor.sampler, collector.chat) if plan.self_evaluation else None
        widest = max(plan.actions_root, plan.actions * (plan.width if plan.search == "beam" else 1))
        self.beds = max(1, collector.parallel // widest)
        """trees that there is room for: what they ask at once is bounded as episodes are"""

    def plant(self, trees: Sequence[Growing]) -> None:
        """Begin the episodes that trees start from; one that cannot begin is a tree without nodes."""
        episodes = [Episode(tree.start, 0, self._reader, self._rules) for tree in trees]
        for tree, episode, answer in zip(trees, episodes, self._each(self._begun, episodes), strict=True):
            if episode.over is not None:
                tree.failed.append(episode.trajectory)
            else:
                tree.goal = answer.goal
                tree.states[0] = _State(episode.moments[-1], answer, ())
                tree.go_on()

    def _begun(self, episode: Episode) -> Answer:
        """Begin an episode; in any thread."""
        episode.env = self._worlds.take()
        answer = episode.opening()
        episode.opened(answer)
        return self._left(episode, answer)

    def _acted(self, episode: Episode) -> Answer:
        """Play the turn that was said, from the state it was said in; in any thread."""
        episode.env = self._worlds.take()
        answer = episode.returning()
        episode.answered(answer)
        return self._left(episode, answer)

    def _left(self, episode: Episode, answer: Answer) -> Answer:
        if episode.over is None:
            episode.remember()
        self._worlds.leave(episode)
        return answer

    def grow(self, trees: Sequence[Growing]) -> None:
        """Grow every state that a tree wants grown, and let the searches go on."""
        steps = self._said(trees)
        episodes = [step.episode for step in steps]
        for step, answer in zip(steps, self._each(self._acted, episodes), strict=True):
            step.answer = answer
            check_tokens(step.episode.violations())
        steps = [step for step in steps if not self._failed(step)]
        if self._opinion is not None:
            words = [asked(step.tree.goal, step.episode.turns[-1], step.answer.observation) for step in steps]
            for step, confidence in zip(steps, self._opinion.confidences(words), strict=True):
                step.confidence = confidence
        below: dict[tuple[int, int], list[_Step]] = {}
        for step in steps:
            below.setdefault((id(step.tree), step.parent), []).append(step)
        for tree in trees:
            for index in tree.wanted:
                self._branch(tree, index, below.get((id(tree), index), []))
            tree.go_on()

    def _said(self, trees: Sequence[Growing]) -> list[_Step]:
        """Return the different actions that the policy takes in the wanted states."""
        sampling = self._actor.sampling
        steps: list[_Step] = []
        asks: list[Ask] = []
        for tree in trees:
            for index in tree.wanted:
                starts = tree.starts(index)
                episode = Episode(starts[0], 0, self._reader, self._rules)
                episode.opened(tree.states[index].answer)
                ask = episode.ask(sampling.max_tokens)
                if ask is None:  # there is no room for a reply
                    tree.end(index, episode.trajectory)
                    continue
                seed, number, _, turn = ask.request.key
                for slot, start in enumerate(starts):
                    # No session: what is cached of a state is of no use once it has been grown.
                    request = replace(ask.request, key=(seed, number, start.sample, turn), session=-1)
                    asks.append(replace(ask, request=request))
                    steps.append(_Step(tree, index, slot, episode.again(start)))
        samples = self._actor.replies(asks) if asks else []
        first: dict[tuple[int, int, str], _Step] = {}
        for step, ask, sample in zip(steps, asks, samples, strict=True):
            step.episode.read(ask, sample, sampling)
            self.tokens += len(sample.ids)
            first.setdefault(step.said, step)
        return list(first.values())

    def _failed(self, step: _Step) -> bool:
        """Tell whether the environment failed on a step; its tree remembers that."""
        over = step.episode.over
        if over is None or over.scorable:
            return False
        step.tree.failed.append(over)
        return True

    def _branch(self, tree: Growing, index: int, steps: Sequence[_Step]) -> None:
        """Give a state the children that its steps lead to."""
        before = tree.search.nodes[index]
        children: list[Child] = []
        ended: list[tuple[int, Trajectory]] = []
        for place, step in enumerate(steps, len(tree.search.nodes)):
            over, turn = step.episode.over, step.episode.turns[-1]
            outcome = 2.0 * over.score - 1.0 if over is not None else None
            value = state_value(step.confidence, before.depth, before.value, outcome)
            likely = prior(turn.logprobs, self._plan.length_penalty)
            children.append(Child(value, likely, over is not None))
            if over is None:
                name = (*tree.states[index].name, step.slot)
                tree.states[place] = _State(step.episode.moments[-1], step.answer, name)
            else:
                ended.append((place, over))
            tree.nodes.append(Node(index - 1, turn, prior=likely, confidence=step.confidence))
        for place, over in ended:
            tree.end(place, over)
        tree.search.grow(index, children)

"""What an iteration costs: the seconds of its parts, from what is played, sent and learnt, and how fast.

A model of the run, not a measurement. Playing has a path that nothing shortens (turn after turn, token after
token) and a volume that more engines share; learning is a volume that ranks share; sending is bytes over a
wire. benchmarks/costs.py holds it against runs.
"""

from dataclasses import dataclass

from agentrl.memory import ModelShape


@dataclass(frozen=True, slots=True)
class Work:
    """What an iteration plays and learns from."""

    episodes: int
    turns: float
    """of an episode, the mean"""
    longest: float
    """turns of the longest episode"""
    prompt: float
    """tokens of a turn's prompt that the engine reads: those it does not know from before"""
    context: float
    """tokens of a turn's prompt and reply"""
    reply: float
    """tokens written a turn"""
    forwards: int = 0
    """times that the learner reads all rows without learning: old policy, reference"""
    epochs: int = 1
    steps: int = 1
    """of the optimiser"""
    passes: int = 1
    """micro-batches, forward and backward, of all ranks together"""

    @property
    def read(self) -> float:
        """Tokens of all rows that the learner reads once: every turn is one, with its context."""
        return self.episodes * self.turns * self.context


@dataclass(frozen=True, slots=True)
class Speeds:
    """Seconds that one thing takes on one device, and bytes a second between them."""

    step: float
    """a decoding step, however few sequences it has"""
    each: float
    """more, for each sequence in it"""
    prompt: float
    """a token of a prompt"""
    world: float
    """an environment's answer"""
    learn: float
    """a token forward and backward"""
    score: float
    """a token forward"""
    update: float
    """an optimiser step over all trained weights"""
    wire: float
    """bytes a second from the driver to another process"""
    link: float = float("inf")
    """bytes a second between learner ranks"""
    call: float = 0.0
    """a call that says nothing"""


@dataclass(frozen=True, slots=True)
class Layout:
    """Who shares the work."""

    engines: int = 1
    """that play"""
    ranks: int = 1
    """that learn"""
    parallel: int = 256
    """episodes in play at once on an engine"""
    ahead: bool = False
    """actors play on while the driver trains (run.staleness)"""
    receivers: int = 0
    """of the weights, each time"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of an iteration, by part."""

    rollout: float
    transfer: float
    learner: float
    ahead: bool

    @property
    def iteration(self) -> float:
        """Seconds of the whole: one part after the other, or the longer of playing and the rest."""
        rest = self.transfer + self.learner
        return max(self.rollout, rest) if self.ahead else self.rollout + rest


def cost(work: Work, speeds: Speeds, layout: Layout, weights: int) -> Cost:
    """Return what an iteration costs; `weights` are the bytes of the policy."""
    sent = layout.receivers * (weights / speeds.wire + speeds.call)
    return Cost(playing(work, speeds, layout), sent, learning(work, speeds, layout, weights), layout.ahead)


def playing(work: Work, speeds: Speeds, layout: Layout) -> float:
    """Return the seconds in which the iteration's episodes are played.

    Rounds are turns one after the other: where all wait for the longest episode, as many as it has; where
    others take the place of what is finished, as many as keep every place busy.
    """
    own = work.episodes / layout.engines
    busy = own * work.turns / min(own, layout.parallel)
    rounds = busy if layout.ahead else max(busy, work.longest)
    path = rounds * (work.reply * speeds.step + speeds.world)
    return path + own * work.turns * (work.reply * speeds.each + work.prompt * speeds.prompt)


def learning(work: Work, speeds: Speeds, layout: Layout, weights: int) -> float:
    """Return the seconds in which the iteration is learnt from.

    Ranks gather the weights for each forward and each backward pass of a micro-batch, and scatter gradients
    of four bytes a weight of two: 4 times the policy's bytes, less the own part, over the link.
    """
    volume = work.read * (work.epochs * speeds.learn + work.forwards * speeds.score) / layout.ranks
    passes = work.passes / layout.ranks
    gathered = (4 * work.epochs + work.forwards) * passes * weights * (1 - 1 / layout.ranks)
    return volume + work.steps * speeds.update / layout.ranks + gathered / speeds.link


@dataclass(frozen=True, slots=True)
class Chip:
    """A GPU, and how much of what it promises is had. Every number is an assumption to be named."""

    name: str
    flops: float
    """operations a second in bfloat16, without sparsity"""
    memory: float
    """bytes a second"""
    trains: float = 0.35
    """share of the operations had in training"""
    reads: float = 0.5
    """share of the operations had in reading prompts"""
    streams: float = 0.6
    """share of the memory's speed had in decoding"""
    floor: float = 0.008
    """seconds that a decoding step takes at least: launching, scheduling, drawing"""


def roofline(chip: Chip, shape: ModelShape, context: float, again: bool, rest: Speeds) -> Speeds:
    """Return the speeds of a model of two bytes a weight on a GPU; what is no GPU's matter is `rest`'s.

    A decoding step reads all weights once and takes no less than its floor; each sequence's keys and values
    are read, or its arithmetic is done, whichever takes longer. Training takes 6 operations a weight and
    token, 8 where activations are computed `again`, a forward pass 2; an optimiser step reads and writes 18
    bytes a weight.
    """
    own, streamed = 2 * shape.parameters, chip.memory * chip.streams
    kept = 2 * 2 * context * shape.layers * shape.key_value
    trained = chip.flops * chip.trains
    return Speeds(
        step=max(chip.floor, own / streamed),
        each=max(kept / streamed, own / (chip.flops * chip.reads)),
        prompt=own / (chip.flops * chip.reads),
        world=rest.world,
        learn=(8 if again else 6) * shape.parameters / trained,
        score=own / trained,
        update=2 * 18 * shape.parameters / streamed,
        wire=rest.wire,
        link=rest.link,
        call=rest.call,
    )

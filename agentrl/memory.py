"""What a run needs of a GPU's memory: arithmetic on a model's shape, nothing loaded."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from agentrl.errors import ConfigError
from agentrl.settings import Settings

GIB = 2**30
BYTES: Mapping[str, int] = {"float32": 4, "bfloat16": 2, "float64": 8}
"""a weight's, by number format"""
LOGITS = 1 << 25
"""most logits held at once in a forward pass: 128 MiB of float32"""
CACHED = 1 << 18
"""most positions whose keys and values rollout=hf holds for one decoding batch"""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What of a model decides how much memory it takes."""

    parameters: int
    """tied ones once"""
    adapter: int
    """of which an adapter of the rank asked for has so many; 0 where all weights are trained"""
    layers: int
    hidden: int
    inner: int
    """width inside a layer's feed-forward part"""
    query: int
    """width of all attention heads"""
    key_value: int
    """width of the heads that keys and values have"""
    vocabulary: int


@dataclass(frozen=True, slots=True)
class Machine:
    """What a plan is made for."""

    gpus: int = 1
    memory: float = 0.0
    """GiB a GPU; 0: not said"""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that takes memory."""

    name: str
    size: int
    """bytes on all GPUs together"""
    formula: str
    spread: bool = True
    """it can be split over GPUs; False: each has its own"""


def standing(settings: Settings, shape: ModelShape, needs: frozenset[str]) -> list[Part]:
    """Return what is held all the time: weights, gradients, optimiser, reference, critic.

    `needs` are the columns of the algorithm.
    """
    own, apart = BYTES[settings.model.dtype], settings.learner.processes > 1
    base = shape.parameters - shape.adapter
    # Processes hold what is trained in full and round it as they gather it: there is no master beside it.
    kept = _full(own) if apart and not shape.adapter else own
    parts = [Part("weights", base * kept, f"{base:,} x {kept} bytes")]
    if shape.adapter:
        parts.append(Part("adapter", shape.adapter * _full(own), f"{shape.adapter:,} x {_full(own)} bytes"))
    parts += _training(settings, shape, "")
    shared = shape.adapter and not apart
    if "logp_ref" in needs:
        what = "the base is shared, the adapter as RL began" if shared else f"{base:,} x {own} bytes"
        size = shape.adapter * _full(own) if shared else base * own
        parts.append(Part("reference", size, what))
    if _has_critic(settings, needs):
        held = shape.adapter * _full(own) if shared else base * kept
        what = "the base is shared, an adapter of its own" if shared else f"{base:,} x {kept} bytes"
        parts += [Part("critic: weights", held, what), *_training(settings, shape, "critic: ")]
    if apart and settings.cluster.kind == "local":
        what = f"{base:,} x {own} bytes, which plays: on the first GPU alone"
        parts.append(Part("the driver's copy", base * own, what, spread=False))
    return parts


def _has_critic(settings: Settings, needs: frozenset[str]) -> bool:
    return "values" in needs and settings.learner.critic == "separate"


def _full(own: int) -> int:
    """Return the bytes of a number that is trained: at least float32."""
    return max(own, 4)


def _training(settings: Settings, shape: ModelShape, of: str) -> list[Part]:
    """Return what training adds to weights: gradients, two moments, masters of weights of few bits."""
    own = BYTES[settings.model.dtype]
    trained, full = shape.adapter or shape.parameters, _full(own)
    plain = bool(shape.adapter) or own >= full or settings.learner.processes > 1
    numbers, what = (2, "2 (moments)") if plain else (3, "3 (moments, master)")
    return [
        Part(f"{of}gradients", trained * full, f"{trained:,} trained x {full} bytes"),
        Part(f"{of}optimiser", trained * full * numbers, f"{trained:,} trained x {full} bytes x {what}"),
    ]


def learning(settings: Settings, shape: ModelShape, needs: frozenset[str]) -> list[Part]:
    """Return what a forward and backward pass of one micro-batch takes, as the formula of each part says."""
    own = BYTES[settings.model.dtype]
    tokens = max(settings.learner.microbatch_tokens, settings.rollout.max_context)
    layer = own * (4 * shape.inner + 6 * shape.hidden + 4 * shape.query + 2 * shape.key_value)
    what = f"{own} bytes x (4 inner + 6 hidden + 4 query + 2 key-value widths)"
    if shape.adapter and own < 4:  # the adapter reads its input in float32
        layer += 4 * (5 * shape.hidden + shape.query + shape.inner)
        what += " + 4 bytes x (5 hidden + query + inner) for the adapter"
    each = f"{tokens:,} tokens x {shape.layers} layers x "
    if settings.learner.checkpointing:
        size = tokens * (shape.layers * shape.hidden * own + layer)
        what = f"{each}{own} bytes x hidden width + one layer: {tokens:,} tokens x ({what})"
    else:
        size, what = tokens * shape.layers * layer, each + f"({what})"
    if _has_critic(settings, needs):
        size, what = 2 * size, f"2 (policy and critic) x {what}"
    logits = min(LOGITS, tokens * shape.vocabulary)
    parts = [
        Part("activations", size, what, spread=False),
        Part("logits", 4 * 4 * logits, f"{logits:,} at once x 4 copies x 4 bytes", spread=False),
    ]
    if settings.learner.processes > 1:
        embedding = shape.vocabulary * shape.hidden
        whole = embedding + 2 * (shape.parameters - embedding) // max(1, shape.layers)
        what = f"{whole:,} x {own} bytes: the embedding and two layers"
        parts.append(Part("gathered weights", whole * own, what, spread=False))
    return parts


def sampling(settings: Settings, shape: ModelShape, episodes: int) -> list[Part]:
    """Return what playing `episodes` at once takes: keys and values, and an engine's own weights.

    Edge: nothing where a server elsewhere plays.
    """
    own, how = BYTES[settings.model.dtype], settings.rollout
    positions = episodes * how.max_context
    if how.backend == "hf":
        positions = min(positions, max(CACHED, how.max_context))
    what = f"{positions:,} positions x 2 x {shape.layers} layers x {shape.key_value} x {own} bytes"
    cache = Part(
        "keys and values",
        2 * positions * shape.layers * shape.key_value * own,
        f"{what}: {episodes} episodes at once",
    )
    if how.backend == "hf":
        return [cache]
    base = shape.parameters - shape.adapter
    engine = Part("the engine's weights", base * own, f"{base:,} x {own} bytes, a copy of its own")
    return [engine, cache] if how.server is None else []


def memory_plan(
    settings: Settings, shape: ModelShape, needs: frozenset[str], episodes: int, machine: Machine
) -> list[str]:
    """Return the memory plan in lines: each part a GPU, the most at any time, and whether that fits."""
    held, step = standing(settings, shape, needs), learning(settings, shape, needs)
    play = sampling(settings, shape, episodes)
    engine = settings.rollout.backend != "hf" and bool(play)
    processes = settings.learner.processes
    if processes > 1:  # the driver plays, on the first GPU, or under Ray on one of its own
        play = [replace(part, spread=False) for part in play if settings.cluster.kind == "local"]

    def a_gpu(parts: list[Part]) -> float:
        over = machine.gpus if processes == 1 else processes
        return sum(part.size / (over if part.spread else 1) for part in parts)

    share = settings.rollout.memory * machine.memory * GIB
    playing = share if engine and share else a_gpu(play)
    most = a_gpu(held) + max(a_gpu(step), playing)
    rows = [("held all the time", a_gpu(held), "")]
    for title, parts in (("", held), ("while learning", step), ("while playing", play)):
        if title:
            rows.append((title, a_gpu(parts), ""))
        rows += [(f"  {part.name}", a_gpu([part]), part.formula) for part in parts]
    if engine and share:
        rows.append(("  the engine's share", share, f"rollout.memory={settings.rollout.memory:g} of the GPU"))
    rows.append(
        ("most at a time, a GPU", most, "held, and the larger of learning and playing: they take turns")
    )
    wide = max(len(name) for name, _, _ in rows)
    lines = [f"  {name:<{wide}} {amount(size)}   {formula}".rstrip() for name, size, formula in rows]
    return lines + _verdict(settings, machine, most, engine and 0 < share < a_gpu(play[:1]))


def _verdict(settings: Settings, machine: Machine, most: float, starved: bool) -> list[str]:
    """Return whether `most` bytes fit; `starved` says that the engine's share does not hold its weights."""
    lines, processes = [], settings.learner.processes
    if processes > 1:
        lines.append(f"  of the first of {processes} learner processes, each with a GPU of its own")
    elif machine.gpus > 1:
        share = f"learner.processes={machine.gpus}"
        lines.append(f"  as if {machine.gpus} GPUs split all but activations and logits; see {share}")
    if not machine.memory:
        return [*lines, "  whether that fits a GPU: --gpu-memory 80, in GiB"]
    left = machine.memory * GIB - most
    verdict, over = ("fits in", "to spare") if left >= 0 else ("does not fit in", "too much")
    lines.append(f"  {verdict} {machine.memory:g} GiB a GPU: {amount(abs(left)).strip()} {over}")
    if starved:
        lines.append("  but the engine's weights alone are more than its share: raise rollout.memory")
    if left < 0:
        lines.append(f"  to take less: {', '.join(_savings(settings)) or 'a smaller model'}")
    return lines


def _savings(settings: Settings) -> list[str]:
    """Return the settings that would lower the need."""
    model, learner = settings.model, settings.learner
    ways = {
        "model.dtype=bfloat16": model.dtype != "bfloat16",
        "model.lora=16": not model.lora,
        "learner.checkpointing=true": not learner.checkpointing,
        "rollout.memory=0.3": settings.rollout.backend == "vllm" and settings.rollout.memory > 0.3,
        "learner.microbatch_tokens=4096": learner.microbatch_tokens > 4096,
    }
    return [word for word, helps in ways.items() if helps]


def amount(size: float) -> str:
    """Return bytes as a number of a few digits with its unit."""
    return f"{size / GIB:9.2f} GiB" if size >= GIB / 10 else f"{size / 2**20:9.2f} MiB"


def check_memory(
    settings: Settings, shape: ModelShape, needs: frozenset[str], free: int, where: str, *, over: int = 1
) -> None:
    """Raise ConfigError where what is held all the time is more than the `free` bytes of `where`.

    What can be split is, `over` as many GPUs.
    """
    parts = {part.name: part.size / (over if part.spread else 1) for part in standing(settings, shape, needs)}
    total = sum(parts.values())
    if total <= free:
        return
    largest = sorted(parts.items(), key=lambda part: -part[1])[:3]
    named = ", ".join(f"{name} {size / GIB:.1f}" for name, size in largest)
    way = (
        "take a smaller model"
        if shape.adapter
        else "take a smaller model, or train an adapter: model.lora=16 model.dtype=bfloat16"
    )
    raise ConfigError(
        f"model={settings.model.path}: the run needs {total / GIB:.1f} GiB before activations ({named}), and"
        f" {where} has {free / GIB:.1f} GiB free; {way}"
    )

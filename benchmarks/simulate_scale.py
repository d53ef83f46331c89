"""What one driver can carry: memory and time of its own for each of up to 10,000 episodes in play at once.

    python benchmarks/simulate_scale.py measure                    # how long a decoding step takes here
    python benchmarks/simulate_scale.py [sizes=1000,3000,10000] [host=local] [actors=4] [batches=3] [to=FILE]

Driver, frontier, stream, actors, environments and tokens are the real ones, a run's with run.staleness=1.
Only the engine in each actor is a stand-in: it waits as long as the table of `measure` says a decoding step
takes at its batch, on lines between the entries and beyond them, and then says a random number. Every size is
played in a driver of its own, so that memory is not another's.
"""

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import torch

from agentrl.cluster.hosts import host_of
from agentrl.config import make_algo, make_env, parse
from agentrl.evaluate import chat_of, stream
from agentrl.learner.model import Policy
from agentrl.learner.start import new_policy
from agentrl.rollout.hf import HFSampler
from agentrl.rollout.workers import Environments
from agentrl.settings import Settings
from agentrl.types import Request, Sampling, ids32
from benchmarks.paced import TABLE, PacedStream

GROUP = 8
WORLD = f"{Path(__file__).parent / 'paced.py'}:Many"
BATCHES = (1, 8, 32, 128, 256)


def model_of(settings: Settings) -> Policy:
    with closing(make_env(settings, "train")) as env:
        return new_policy(settings.model, env, env.tasks("train"), stream(0, "model"))


def measure() -> None:
    """Write how long a decoding step of the tiny model takes at several batches, the fastest of seven."""
    torch.set_num_threads(1)
    policy = model_of(parse(["env=guess", "algo=grpo"]))
    sampler = HFSampler(policy.module, eos_ids=(), pad_id=policy.pad)
    dice = random.Random(0)

    def taken(batch: int, tokens: int) -> float:
        prompts = [ids32([dice.randrange(3, len(policy.tokenizer)) for _ in range(64)]) for _ in range(batch)]
        asks = [Request(prompt, (0, 0, number, 0)) for number, prompt in enumerate(prompts)]
        begun = time.perf_counter()
        sampler.generate(asks, Sampling(1.0, 1.0, 0, tokens))
        return time.perf_counter() - begun

    seconds = {b: min((taken(b, 40) - taken(b, 8)) / 32 for _ in range(7)) for b in BATCHES}
    command = "OMP_NUM_THREADS=1 python benchmarks/simulate_scale.py measure"
    what = (
        "seconds of a decoding step, by sequences in it; tiny model, rollout=hf, prompts of 64 tokens, a core"
    )
    TABLE.write_text(json.dumps({"what": what, "command": command, "seconds": seconds}, indent=1) + "\n")
    print(TABLE.read_text())


def one(size: int, host: str, actors: int, batches: int) -> dict[str, float]:
    """Return what a driver needed for some batches with so many episodes in play."""
    words = [f"cluster={host}", f"cluster.actors={actors}", "run.staleness=1", f"group_size={GROUP}"]
    sizes = [f"rollout.tasks={size // (2 * GROUP)}", f"rollout.parallel={size}", "env.max_turns=3"]
    settings = parse([f"env={WORLD}", "algo=grpo", *words, *sizes, "cluster.deadline=600"])
    policy = model_of(settings)
    chat = chat_of(settings, policy.tokenizer, policy.module.config)
    with closing(make_env(settings, "train")) as env:
        panel = env.tasks("train")
    how = make_algo(settings), panel, Environments(settings), chat, None, Path("unused")
    played = 0
    with closing(host_of(settings)) as place, closing(PacedStream(settings, policy, place, *how)) as gatherer:
        gatherer.renew(policy, 0)
        gatherer.gather(0)  # processes have started, all places are taken
        before, begun, clock = resident(), time.process_time(), time.perf_counter()
        for iteration in range(1, batches + 1):
            gatherer.renew(policy, iteration)
            played += len(gatherer.gather(iteration)[2])
        spent, wall = time.process_time() - begun, time.perf_counter() - clock
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "episodes in play": GROUP * gatherer.most,
        "episodes trained on": played,
        "driver MiB at the start": before,
        "driver MiB at most": peak,
        "driver CPU seconds": spent,
        "seconds": wall,
    }


def resident() -> float:
    """Return the MiB that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def table(rows: Sequence[dict[str, float]], title: str) -> str:
    """Return the findings as Markdown, with what each episode cost."""
    head = ["episodes in play", "trained on", "driver MiB", "KiB an episode", "driver CPU ms an episode", "s"]
    lines = [title, "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    least = rows[0]["driver MiB at most"], rows[0]["episodes in play"]
    for row in rows:
        more = row["driver MiB at most"] - least[0], row["episodes in play"] - least[1]
        each = f"{1024 * more[0] / more[1]:.1f}" if more[1] else "-"
        cpu = 1000 * row["driver CPU seconds"] / row["episodes trained on"]
        cells = [f"{row['episodes in play']:.0f}", f"{row['episodes trained on']:.0f}"]
        cells += [f"{row['driver MiB at most']:.0f}", each, f"{cpu:.2f}", f"{row['seconds']:.1f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    options = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
    if "measure" in sys.argv[1:]:
        measure()
        return
    host, actors, batches = (
        options.get("host", "local"),
        options.get("actors", "4"),
        options.get("batches", "3"),
    )
    if "one" in options:
        print(json.dumps(one(int(options["one"]), host, int(actors), int(batches))))
        return
    rows = []
    for size in options.get("sizes", "1000,3000,10000").split(","):
        words = [f"one={size}", f"host={host}", f"actors={actors}", f"batches={batches}"]
        done = subprocess.run(
            [sys.executable, __file__, *words], stdout=subprocess.PIPE, check=True, text=True
        )
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    title = f"`python benchmarks/simulate_scale.py {' '.join(sys.argv[1:])}`: {actors} actors, cluster={host}"
    text = table(rows, title)
    print(text)
    if "to" in options:
        Path(options["to"]).write_text(text)


if __name__ == "__main__":
    main()

"""Generated games as the original's own files, which TextWorld and the alfworld package play.

    python -m agentrl_envs.alfworld.generate_files OUT [split=generated_train] [games=100] [difficulty=0.5]
                                                       [like=PATH]

A game's file holds domain and grammar too. They are the original's: taken from a game at `like`, else from
the alfworld package where that is installed.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agentrl.errors import AgentRLError, ConfigError, DataError, nearest
from agentrl_envs.alfworld.game import Game
from agentrl_envs.alfworld.generate_source import Generated
from agentrl_envs.alfworld.pddl import SHAPES
from agentrl_envs.alfworld.sources import GAME, opened

_TASK = re.compile(r'(Your task is to: )[^"\n]*')
_DEFAULTS = {"split": "generated_train", "games": "100", "difficulty": "0.5", "like": ""}


def problem_text(game: Game) -> str:
    """Return a game as a problem in PDDL; read back it has the same facts and goal."""
    facts, goal = game.facts, game.goal
    sorts: dict[str, Iterable[str]] = {
        "agent": ("agent1",),
        "location": [at for _, at in (*facts["receptacleatlocation"], *facts["atlocation"])],
        "receptacle": [receptacle for receptacle, _ in facts["receptacletype"]],
        "object": [thing for thing, _ in facts["objecttype"]],
        "rtype": [kind for _, kind in facts["receptacletype"]],
        "otype": [kind for _, kind in facts["objecttype"]],
    }
    things = [f"{word} - {sort}" for sort, words in sorts.items() for word in dict.fromkeys(words)]
    starts = [f"({' '.join((name, *fact))})" for name, found in facts.items() for fact in found]
    wanted = SHAPES[game.goal.kind].replace("ITEM", goal.item).replace("TARGET", goal.target)
    return "\n".join(
        [
            "(define (problem generated)",
            "(:domain alfred)",
            "(:objects",
            *things,
            ")",
            "(:init",
            "(= (total-cost) 0)",
            *starts,
            ")",
            f"(:goal {wanted})",
            ")",
        ]
    )


def texts(game: Game, like: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a game's own `game.tw-pddl` holds, with the domain and grammar of another game's."""
    return {
        "pddl_domain": like["pddl_domain"],
        "grammar": _TASK.sub(lambda found: found[1] + game.text, like["grammar"], count=1),
        "pddl_problem": problem_text(game),
        "solvable": True,
        "walkthrough": list(game.walkthrough),
    }


def shared(like: str = "") -> Mapping[str, str]:
    """Return the original's domain and grammar: of a game at a path, else of the alfworld package.

    Errors: ConfigError where neither is there.
    """
    if like:
        source = opened(like)
        found = source.texts(source.entries(source.splits[0])[0])
        return {key: found[key] for key in ("pddl_domain", "grammar")}
    package = find_spec("alfworld")
    if package is None or package.origin is None:
        raise ConfigError(
            "domain and grammar of the original are needed: say like=PATH of original games, or"
            " pip install alfworld"
        )
    folder = Path(package.origin).parent / "data"
    return {
        "pddl_domain": (folder / "alfred.pddl").read_text(encoding="utf-8"),
        "grammar": (folder / "alfred.twl2").read_text(encoding="utf-8"),
    }


def write(games: Iterable[Game], folder: Path, like: Mapping[str, Any]) -> list[Path]:
    """Write games as the original's tree of files and return the paths; `env.data=` reads it.

    Beside each stands the `traj_data.json` without which the alfworld package passes a game over.
    """
    paths = []
    for game in games:
        item, target = game.goal.wants
        number, seed = game.id.rsplit("-", 2)[1:]
        lit = game.goal.kind == "look_at_obj_in_light"
        place = folder / f"{game.goal.kind}-{item}-None-{target}-{number}" / f"trial_{seed}"
        place.mkdir(parents=True, exist_ok=True)
        wanted = {
            "object_target": item,
            "parent_target": "" if lit else target,
            "toggle_target": target if lit else "",
            "mrecep_target": "",
            "object_sliced": False,
        }
        said = {"task_type": game.goal.kind, "pddl_params": wanted}
        (place / "traj_data.json").write_text(json.dumps(said), encoding="utf-8")
        (place / GAME).write_text(json.dumps(texts(game, like)), encoding="utf-8")
        paths.append(place / GAME)
    return paths


def main(words: Sequence[str]) -> int:
    """Write games of a split; see the top of this file."""
    given = dict(word.partition("=")[::2] for word in words[1:])
    unknown = next((key for key in given if key not in _DEFAULTS), "")
    if not words or "=" in words[0] or unknown:
        raise ConfigError(f"{unknown or 'the first word'}: give a folder, then {', '.join(_DEFAULTS)}=...")
    chosen = _DEFAULTS | given
    try:
        source, count = Generated(float(chosen["difficulty"])), int(chosen["games"])
    except ValueError as why:
        raise ConfigError(f"difficulty and games are numbers: {why}") from None
    if chosen["split"] not in source.splits:
        hint = nearest(chosen["split"], source.splits)
        raise ConfigError(f"split={chosen['split']} is not one of {', '.join(source.splits)}{hint}")
    entries = source.entries(chosen["split"])
    if not 0 < count <= len(entries):
        raise DataError(f"games={count}: {chosen['split']} has {len(entries)}")
    # Evenly over the split, which goes by sort of task.
    picked = [entries[index * len(entries) // count] for index in range(count)]
    name = {"generated_train": "train", "generated_dev": "valid_train", "generated_test": "valid_seen"}
    folder = Path(words[0]) / "json_2.1.1" / name[chosen["split"]]
    print(f"{len(write(map(source.game, picked), folder, shared(chosen['like'])))} games in {folder}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except AgentRLError as why:
        sys.exit(f"{why}")

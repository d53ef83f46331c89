"""Run golden files: `python -m tests.golden FILE|FOLDER… [--data FOLDER] [--mutate]`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentrl.errors import DataError
from tests.golden.alfworld import Games
from tests.golden.case import Case, NotHereError
from tests.golden.cases import failures, public, read

HERE = Path(__file__).parent / "data"


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 where everything passed, 1 where something failed, 2 where a path does not exist."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="FILE|FOLDER", help=f"default: {HERE.name}/ here"
    )
    parser.add_argument("--data", type=Path, help="where the real ALFWorld games lie")
    parser.add_argument("--mutate", action="store_true", help="also break each function used, one at a time")
    given = parser.parse_args(argv)
    if given.data is not None:
        Games.given = str(given.data)
    files: list[Path] = []
    for path in given.paths or [HERE]:
        if not path.exists():
            print(f"golden: no file or folder {path}", file=sys.stderr)
            return 2
        files += sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        print("golden: no .json file in " + ", ".join(map(str, given.paths)), file=sys.stderr)
        return 2
    passed, failed, missed = 0, 0, 0
    for file in files:
        try:
            cases = read(file)
        except NotHereError as why:
            print(f"{'FAIL' if given.paths else 'LEFT OUT'} {file.name}: {why}")
            failed += bool(given.paths)
            continue
        except DataError as why:
            print(f"FAIL {why}")
            failed += 1
            continue
        through = public()
        found = list(failures(file.stem, cases, through))
        passed, failed = passed + len(cases) - len(found), failed + len(found)
        print(*found, sep="\n", end="\n" if found else "")
        if given.mutate:
            missed += _mutate(file.stem, cases, through.used)
    if given.mutate:
        print(f"{missed} mutations not noticed")
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0 or missed > 0)


def _mutate(file: str, cases: list[Case], used: set[str]) -> int:
    """Break each function in turn; return how many times no case failed."""
    missed = 0
    for name in sorted(used):
        if not any(True for _ in failures(file, cases, public(name))):
            print(f"{file} did not notice that {name} was wrong")
            missed += 1
    return missed


if __name__ == "__main__":
    sys.exit(main())

"""Rows as a Hugging Face data set on disk, and back."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agentrl.errors import ConfigError, DataError

INFO, SEVERAL = "dataset_info.json", "dataset_dict.json"
"""files by which a folder is known: one data set, or several by name"""


def is_dataset(path: Path) -> bool:
    """Tell whether a folder holds a data set that `save_to_disk` wrote.

    Errors: DataError where it holds several.
    """
    if (path / SEVERAL).is_file():
        names = sorted(one.name for one in path.iterdir() if (one / INFO).is_file())
        raise DataError(f"{path} holds the data sets {', '.join(names)}; name one: {path / names[0]}")
    return (path / INFO).is_file()


def write_dataset(rows: Sequence[Mapping[str, Any]], out: Path) -> None:
    """Write rows as a data set, in place of one that is there.

    Errors: ConfigError where the package datasets is missing, or something else is there.
    """
    if out.exists() and not (out.is_dir() and is_dataset(out)):
        raise ConfigError(f"out={out} is there, and no data set; name another folder")
    keys = dict.fromkeys(
        key for row in rows for key in row
    )  # `from_list` would take those of the first alone
    made = _datasets().Dataset.from_dict({key: [row.get(key) for row in rows] for key in keys})
    fresh = out.with_name(f"{out.name}.part")
    shutil.rmtree(fresh, ignore_errors=True)
    made.save_to_disk(str(fresh))
    shutil.rmtree(out, ignore_errors=True)
    fresh.rename(out)


def read_dataset(path: Path) -> list[Mapping[str, Any]]:
    """Return the rows of a data set; what its columns fill in where a row has nothing is left out again.

    Errors: ConfigError where the package datasets is missing, DataError where the folder is broken.
    """
    datasets = _datasets()
    try:
        rows = datasets.load_from_disk(str(path)).to_list()
    except Exception as why:  # whatever its formats object to
        raise DataError(f"{path}: {type(why).__name__}: {' '.join(str(why).split())}") from why
    return [_without_nothing(row) for row in rows]


def _without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nothing(one) for key, one in value.items() if one is not None}
    return [_without_nothing(one) for one in value] if isinstance(value, list) else value


def _datasets() -> Any:
    try:
        import datasets
    except ImportError as why:
        raise ConfigError(
            f"a data set needs the package datasets: pip install 'agentrl[datasets]' ({why})"
        ) from None
    return datasets

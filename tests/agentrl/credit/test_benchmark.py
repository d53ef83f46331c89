"""The benchmark of credit leaves no estimator out, and times what works."""

import importlib
import importlib.util
import inspect
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from agentrl import credit

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """Return `benchmarks/credit.py`, which is run as a program and finds its loops beside itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        spec = importlib.util.spec_from_file_location("benchmark_of_credit", ROOT / "benchmarks/credit.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    return module


def test_every_estimator_is_timed(benchmark: ModuleType) -> None:
    public = set()
    for found in pkgutil.iter_modules(credit.__path__):
        module = importlib.import_module(f"agentrl.credit.{found.name}")
        public |= {
            f"{found.name}.{name}"
            for name, function in inspect.getmembers(module, inspect.isfunction)
            if function.__module__ == module.__name__ and not name.startswith("_")
        }
    assert benchmark.ESTIMATORS.keys() | benchmark.NUMBERS == public


def test_what_is_timed_works(benchmark: ModuleType) -> None:
    lines = benchmark.growth(800).splitlines()
    assert sum(line.startswith("| ") for line in lines) == 1 + len(benchmark.ESTIMATORS)

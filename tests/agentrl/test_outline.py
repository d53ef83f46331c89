"""Outlines of algorithms: what is known of them without torch."""

import subprocess
import sys
from pathlib import Path

import pytest

from agentrl.errors import ConfigError
from agentrl.offers import names
from agentrl.outline import outline
from agentrl.registry import find
from tests.agentrl.installed import install_ourselves


def test_every_algorithm_of_ours_is_outlined_without_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_ourselves(tmp_path, monkeypatch)
    script = (
        "import sys\nfrom agentrl.outline import outline\nfrom agentrl.offers import names\n"
        "for name in names('algos'):\n"
        "    cls = outline(name)\n"
        "    algo = cls(**({'teacher': 'folder'} if 'teacher' in cls.extra else {}))\n"
        "    algo.check()\n    algo.collect()\n"
        "    if 'torch' in sys.modules: sys.exit(name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert done.returncode == 0, done.stderr


def test_an_outline_has_the_fields_of_the_real_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_ourselves(tmp_path, monkeypatch)
    for name in names("algos"):
        real, sketch = find("algos", name), outline(name)
        assert {k: (f.type, f.default) for k, f in real.__dataclass_fields__.items()} == {
            k: (f.type, f.default) for k, f in sketch.__dataclass_fields__.items()
        }


def test_a_file_that_needs_its_imports_is_imported(tmp_path: Path) -> None:
    """A default computed by torch, and a base class from elsewhere, cannot be had without the real thing."""
    (tmp_path / "needy.py").write_text(
        "import torch\nfrom dataclasses import dataclass\nfrom agentrl.algo import Algorithm\n"
        "SMALL = torch.finfo(torch.float32).eps\n"
        "@dataclass(frozen=True)\nclass Needy(Algorithm):\n    eps: float = SMALL\n"
    )
    assert outline(str(tmp_path / "needy.py"))().eps == pytest.approx(1.19e-7, rel=0.01)  # type: ignore[attr-defined]


def test_what_only_the_real_module_can_list_never_hangs(tmp_path: Path) -> None:
    for number, line in enumerate(("KINDS = ('one', *torch.KINDS)", "HAS = 'one' in torch.KINDS")):
        file = tmp_path / f"listing{number}.py"
        file.write_text(f"import torch\nfrom dataclasses import dataclass\n{line}\n")
        with pytest.raises(ConfigError, match="KINDS"):
            outline(str(file))


def test_a_broken_file_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import torch\nfrom nowhere_at_all import x\nx.y()\n")
    with pytest.raises(
        ConfigError, match=r"broken.py cannot be loaded: ModuleNotFoundError: .*nowhere_at_all"
    ):
        outline(str(tmp_path / "broken.py"))

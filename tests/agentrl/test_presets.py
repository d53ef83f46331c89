"""The settings files of the package: found from anywhere, understood, and with the published numbers."""

import tomllib
from pathlib import Path

import pytest

from agentrl.cli import main
from agentrl.cluster.roles import roles
from agentrl.config import from_values, parse
from agentrl.errors import ConfigError
from agentrl.presets import presets
from agentrl.settings import Settings
from tests.agentrl.installed import install_ourselves

MACHINES = ["configs/gpu1.toml", "configs/gpu2x8.toml", "configs/gpu8.toml"]
"""what a machine adds to any of the others"""
PRESETS = [name for name in presets() if name not in MACHINES]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_ourselves(tmp_path / "site", monkeypatch)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def settings_of(name: str) -> Settings:
    """Return a preset's settings."""
    tables = tomllib.loads(presets()[name].read_text(encoding="utf-8"))
    return from_values({f"{group}.{key}": v for group, table in tables.items() for key, v in table.items()})


def test_there_is_one_for_each_environment_and_size() -> None:
    names_wanted = [f"configs/{env}_{size}b.toml" for env in ("alfworld", "webshop") for size in ("1.5", "7")]
    assert names_wanted == PRESETS and set(MACHINES) < set(presets())


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_holds_the_published_settings(name: str) -> None:
    got = settings_of(name)
    alfworld = "alfworld" in name
    algo = got.algo_options
    assert (algo["group_size"], algo["gamma"], algo["omega"], algo["kl"]) == (8, 0.95, 1.0, 0.01)
    assert (algo["scale"], algo["invalid_penalty"]) == ("std" if alfworld else "none", 0.1)
    if alfworld:
        assert (got.env_options["reward"], got.env_options["anchor"]) == ("10/0", "observation")
        assert (got.env_options["view"], got.rollout.style) == ("gigpo", "whole")
    else:
        assert got.reward == {"task": 0.0, "success": 10.0}
    assert (got.rollout.backend, got.rollout.trusts_sampler, got.rollout.weighted) == ("vllm", False, "none")
    assert (got.rollout.tasks, got.run.iterations, got.learner.lr) == (16, 150, 1e-6)
    assert got.env_options["max_turns"] == (50 if alfworld else 15)
    assert (got.rollout.max_tokens, got.rollout.max_context) == (512, 2560 if alfworld else 4608)
    assert got.model.path == f"Qwen/Qwen2.5-{'7' if '7b' in name else '1.5'}B-Instruct"
    assert (got.model.dtype, got.learner.checkpointing, got.model.lora) == ("bfloat16", True, 0)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize(
    ("machine", "shared"),
    [
        ("configs/gpu1.toml", ("local", 0, 1, 0, 64)),
        ("configs/gpu8.toml", ("ray", 1, 6, 1, 0)),
        ("configs/gpu2x8.toml", ("ray", 3, 12, 1, 0)),
    ],
)
def test_a_machine_adds_processes_and_leaves_the_published_settings(
    name: str, machine: str, shared: tuple[str, int, int, int, int]
) -> None:
    got, plain = parse([f"@{name}", f"@{machine}"]), parse([f"@{name}"])
    found = got.cluster.kind, got.cluster.actors, got.learner.processes, got.run.staleness, got.model.lora
    assert found == shared
    assert (got.env, got.env_options, got.reward, got.eval) == (
        plain.env, plain.env_options, plain.reward, plain.eval,
    )  # fmt: skip
    gpus = 1 + sum(role.count * role.need.gpus for role in roles(got, gpu=True))
    assert gpus == {"configs/gpu1.toml": 1, "configs/gpu8.toml": 8, "configs/gpu2x8.toml": 16}[machine]


@pytest.mark.parametrize("name", [*PRESETS, *MACHINES])
def test_every_number_of_a_preset_says_where_it_is_from(name: str) -> None:
    lines = presets()[name].read_text(encoding="utf-8").splitlines()
    settings = [line for line in lines if "=" in line and not line.startswith(("#", " "))]
    assert settings and all("  # " in line for line in settings if not line.startswith("name"))


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_found_from_any_folder(name: str) -> None:
    env = tomllib.loads(presets()[name].read_text(encoding="utf-8"))["env"]["name"]
    assert parse([f"@{name}"]).env == env


def test_a_file_of_ones_own_comes_first() -> None:
    Path("configs").mkdir()
    Path("configs/webshop_7b.toml").write_text('[env]\nname = "guess"\n[algo]\nname = "grpo"\n')
    assert parse(["@configs/webshop_7b.toml"]).env == "guess"


def test_a_mistyped_preset_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'configs/webshop_7b\.toml'\?"):
        parse(["@configs/webshp_7b.toml"])


def test_presets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "configs"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("configs\n") and all(f"@{name}" in out for name in PRESETS) and "gigpo" not in out

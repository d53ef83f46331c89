# ruff: noqa: E501 - messages are kept whole
"""Settings from words and files: what is right, and one clear line for everything that is not."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.brought import TINY
from agentrl.config import from_toml, from_values, make_algo, make_env, parse, to_toml
from agentrl.errors import ConfigError
from agentrl.settings import Settings
from tests.agentrl.installed import install, install_ourselves

ENV = str(Path(__file__).parent / "plugins" / "count.py")
ALGO = str(Path(__file__).parent / "plugins" / "compare.py")
BASE = (f"env={ENV}", f"algo={ALGO}")


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_ourselves(tmp_path, monkeypatch)
    install(tmp_path, monkeypatch, "strangers", {"algos": {"broken": "no_such_module:X"}})


def parsed(*words: str) -> Settings:
    return parse([*BASE, *words])


def test_words_set_what_they_name() -> None:
    got = parsed(
        "learner.lr=2e-4", "group_size=4", "seed=3", "env.words=roman", "reward.style=0.5", "history=1"
    )
    assert got.learner.lr == 2e-4 and got.algo_options["group_size"] == 4 and got.run.seed == 3
    assert got.env_options["words"] == "roman" and got.reward == {"style": 0.5} and got.rollout.history == 1


def test_a_groups_bare_name_sets_its_choice() -> None:
    got = parsed("model=./some/folder", "rollout=hf")
    assert got.model.path == "./some/folder" and got.rollout.backend == "hf"


def test_values_are_read_by_type() -> None:
    got = parsed(
        "kl=0.5", "turns=true", "scale=none", "sizes=3,4,5", "eval.curve=greedy", "bonus=none", "out=x"
    )
    assert got.algo_options == {
        "group_size": 2,
        "scale": "none",
        "kl": 0.5,
        "turns": True,
        "sizes": (3, 4, 5),
    }
    assert got.eval.curve == ("greedy",) and got.env_options["bonus"] is None and got.run.out == "x"
    assert parsed("kl=none").algo_options["kl"] is None


def test_what_is_more_particular_wins(tmp_path: Path) -> None:
    """tiny brings lr and tasks; the environment wishes tasks=4 and high=3; a file, then words, on top."""
    file = tmp_path / "mine.toml"
    file.write_text("[rollout]\ntasks = 5\n[env]\nhigh = 7\n")
    tiny, other = parsed(), parsed("model=big")
    assert (tiny.learner.lr, tiny.rollout.tasks, tiny.env_options["high"]) == (
        TINY["learner.lr"],
        4,
        3,
    )
    assert (other.learner.lr, other.rollout.tasks, other.env_options["high"]) == (1e-6, 16, 5)
    assert (tiny.algo_options["group_size"], other.algo_options["group_size"]) == (2, 8)
    with_file = parsed(f"@{file}")
    assert (with_file.rollout.tasks, with_file.env_options["high"]) == (5, 7)
    assert parsed("rollout.tasks=6", f"@{file}").rollout.tasks == 6, "words win wherever they stand"


def test_a_file_may_say_everything(tmp_path: Path) -> None:
    file = tmp_path / "all.toml"
    file.write_text(
        f'env = "{ENV}"\nmodel = "big"\nseed = 4\n"learner.lr" = 1\nsizes = [7]\n'
        f'[algo]\nname = "{ALGO}"\ngroup_size = 3\n[reward]\nstyle = 2\n'
    )
    got = parse([f"@{file}"])
    assert (got.model.path, got.run.seed, got.learner.lr, got.reward) == ("big", 4, 1.0, {"style": 2.0})
    assert got.algo_options["group_size"] == 3 and got.algo_options["sizes"] == (7,)


def test_an_environments_wish_for_another_algorithm_is_left_out() -> None:
    assert "nobody_has_this" not in parsed().algo_options


def test_environment_and_algorithm_are_made_from_settings() -> None:
    got = parsed("high=4", "max_turns=5", "group_size=3")
    env, algo = make_env(got, "dev"), make_algo(got)
    assert (env.options.high, env.max_turns, env.split, algo.collect().size) == (4, 5, "dev", 3)  # type: ignore[union-attr]


def test_python_values_are_settings_too() -> None:
    assert from_values({"env": ENV, "algo": ALGO, "learner.lr": 1e-3, "seed": 2, "sizes": (9,)}) == parsed(
        "learner.lr=1e-3", "seed=2", "sizes=9"
    )


TEXT = st.text(st.characters(exclude_categories=["Cs"]))  # lone surrogates are no text
WRONG = [
    (["seed"], "'seed' is not of the form key=value (or @file.toml)"),
    (["=3"], "'=3' is not of the form key=value (or @file.toml)"),
    (["seed=1", "seed=2"], "seed is given twice: 1 and 2"),
    (["seed=1", "run.seed=2"], "seed and run.seed are the same setting; give it once"),
    (["learner.lr=fast"], "learner.lr=fast: expected a number"),
    (["learner.lr=nan"], "learner.lr=nan: expected a finite number"),
    (["learner.lr="], "learner.lr=: expected a number"),
    (["seed=1.5"], "run.seed=1.5: expected a whole number"),
    (["turns=yes"], "algo.turns=yes: expected true or false"),
    (["scale=sdt"], "algo.scale=sdt: expected std or none; did you mean 'std'?"),
    (["sizes=1,x"], "algo.sizes=x: expected a whole number"),
    (["eval.curve=greedyy"], "eval.curve=greedyy: expected greedy or 0.4 or 1.0 or best_admissible; did you mean 'greedy'?"),
    (["eval.curve="], "eval.curve is empty: name at least one decoding, or switch curves off with eval.every=0"),
    (["reward.style=big"], "reward.style=big: expected a number"),
    (["lr=1"], "'lr' could mean learner.lr or warm.lr; write it in full"),
    (["grup_size=4"], "no setting 'grup_size'; did you mean 'group_size'?"),
    (["learner.seed=4"], "no setting 'learner.seed'; there is run.seed"),
    (["learner.epocs=4"], "no setting 'learner.epocs'; did you mean 'learner.epochs'?"),
    (["lerner.xyz=4"], "no setting 'lerner.xyz'; no group 'lerner'; did you mean 'learner'?"
     " (there are: env, algo, reward, run, model, rollout, endpoint, learner, warm, eval, cluster)"),
    (["reward.=1"], "no setting 'reward.'; a weight is written reward.NAME=1"),
    (["model.zzz=1"], "no setting 'model.zzz' (model has: path, dtype, lora, lora_alpha, lora_dropout, lora_targets, hidden, layers, heads, vocabulary, context)"),
    (["omega=1"], f"no setting 'omega': algo '{ALGO}' has no omega; g2po, gigpo, graphgpo and proxmo have it"),
    (["algo.lam=1"], f"no setting 'algo.lam': algo '{ALGO}' has no lam; otc_ppo, pf_ppo, ppo, rto and vetta have it"),
    (["group_size=1"], "group_size=1: credit compares episodes of one task with each other, so it must be at least 2"),
    (["turns=true"], "turns=true with scale=std: nothing to divide by"),
    (["learner.lr=-1"], "learner.lr=-1.0: must be at least 0"),
    (["iterations=-1"], "run.iterations=-1: must be at least 0"),
    (["epochs=0"], "learner.epochs=0: must be at least 1"),
    (["temperature=-1"], "rollout.temperature=-1.0: must be above 0"),
    (["top_p=1.5"], "rollout.top_p=1.5: must be at most 1"),
    (["failures=2"], "run.failures=2.0: must be at most 1"),
    (["learner.beta1=1"], "learner.beta1=1.0: must be below 1"),
    (["max_turns=0"], "env.max_turns=0: must be at least 1"),
    (["seed=-1"], "run.seed=-1: must be at least 0"),
    (["max_tokens=600"], "rollout.max_tokens=600 leaves no room for a prompt in rollout.max_context=512"),
    (["max_context=5000"], "rollout.max_context=5000: the tiny model reads at most model.context=1024 tokens"),
    (["hidden=60", "heads=4"], "model.hidden=60: must be a multiple of twice model.heads=4"),
    (["rollout=sglang"], "rollout=sglang: not available in this version; rollout=hf samples with the model itself,"
     " rollout=vllm with an engine, rollout=openai asks an endpoint"),
    (["rollout=hff"], "rollout.backend=hff: expected hf or vllm or openai; did you mean 'hf'?"),
    (["top_p=0.9"], "algo.*with rollout.old=recompute and rollout.correction=truncate, or sample with top_p=1"),
    (["top_p=0.9", "rollout.old=recompute"], "algo.*with rollout.old=recompute and rollout.correction=truncate"),
    (["top_k=5", "rollout=vllm", "correction=none"], "algo.*rollout.correction=truncate"),
    (["top_k=5", "rollout=vllm", "old=behaviour"], "algo.*rollout.correction=truncate"),
    (["correction=truncate"], "rollout.correction=truncate: with.*and weights would count it twice; add rollout.old=recompute"),
    (["reject=seq_max_k2", "reject_at=0.1"], "rollout.reject=seq_max_k2: with.*add rollout.old=recompute"),
    (["correction_floor=0.5"], "rollout.correction_floor=0.5 is for rollout.correction=mask; the correction is none"),
    (["correction_cap=0.5"], "rollout.correction_cap=0.5: must be at least 1"),
    (["old=recompute", "reject=token_k1"], "rollout.reject needs its other half, e.g. rollout.reject_at=2"),
    (["reject_at=3"], "rollout.reject_at needs its other half, e.g. rollout.reject=token_k1"),
    (["old=recompute", "reject=token_k1", "reject_at=0.5"],
     "rollout.reject_at=0.5: must be above 1, as token_k1 keeps ratios from 1/this to this"),
    (["@nothing.toml"], "@nothing.toml: there is no such file"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"), WRONG, ids=lambda part: " ".join(part) if isinstance(part, list) else ""
)
def test_what_is_wrong_is_said_in_one_line(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as why:
        parsed(*words)
    text = str(why.value)
    assert "\n" not in text
    if ".*" in message:
        assert message.split(".*")[1] in text
    else:
        assert text == message


@pytest.mark.parametrize("words", [("rollout.old=recompute", "correction=truncate"), ("rollout=vllm",)])
def test_truncated_sampling_is_fine_where_tokens_are_weighted_for_it(words: tuple[str, ...]) -> None:
    assert parsed("top_p=0.9", *words).rollout.top_p == 0.9


@pytest.mark.parametrize(
    ("words", "trusts", "weighted"),
    [
        ((), True, "none"),
        (("old=recompute",), False, "none"),
        (("old=recompute", "correction=mask"), False, "mask"),
        (("rollout=vllm",), False, "truncate"),
        (("rollout=vllm", "correction=none"), False, "none"),
        (("rollout=vllm", "old=behaviour"), True, "none"),
    ],
)
def test_another_program_that_samples_is_corrected_unless_said_otherwise(
    words: tuple[str, ...], trusts: bool, weighted: str
) -> None:
    rollout = parsed(*words).rollout
    assert (rollout.trusts_sampler, rollout.weighted) == (trusts, weighted)


def test_what_must_be_said_is_asked_for() -> None:
    with pytest.raises(ConfigError, match=r"say env=\.\.\. \(there are: .*guess, .*webshop"):
        parse(["algo=gigpo"])
    with pytest.raises(ConfigError, match=r"say algo=\.\.\. \(there are: .*gigpo"):
        parse([f"env={ENV}"])
    assert parse([f"env={ENV}"], algo=ALGO).algo == ALGO


def test_unknown_names_are_answered_before_anything_else() -> None:
    with pytest.raises(ConfigError, match=r"^no env 'webshpo'; did you mean 'webshop'\?"):
        parse(["env=webshpo", "algo=gigppo", "nonsense=1"])
    with pytest.raises(ConfigError, match=r"^no algo 'gigppo'; did you mean 'gigpo'\?"):
        parse([f"env={ENV}", "algo=gigppo", "nonsense=1"])
    with pytest.raises(ConfigError, match=r"^no algo 'simpo'; did you mean algo=dpo algo\.loss_kind=simpo\?"):
        parse([f"env={ENV}", "algo=simpo"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[learner]\nlr = 'fast'", "learner.lr=fast: expected a number"),
        ("[learner]\nlr = true", "learner.lr=true: expected a number"),
        ("[model]\npath = 3", "model.path=3: expected text"),
        ("[eval]\ncurve = 3", "eval.curve=3: expected a list, written with commas"),
        ("[lerner]\nlr = 1", "no setting 'lerner.lr'; there is learner.lr and warm.lr"),
        ("env = 'nope'", "no env 'nope'"),
        ("x = ", "not TOML: Invalid value"),
    ],
)
def test_what_is_wrong_in_a_file_names_the_file(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    words = [f"@{file}"] if text.startswith("env") else [*BASE, f"@{file}"]
    with pytest.raises(ConfigError) as why:
        parse(words)
    assert str(why.value).startswith(f"@{file}: {message}")


def test_a_file_that_is_a_folder_or_binary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        parsed(f"@{tmp_path}")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        parsed(f"@{tmp_path / 'b.toml'}")


def test_every_default_lies_in_its_range() -> None:
    from agentrl import limits
    from agentrl.keys import general_keys

    known = general_keys()
    for table in (limits.AT_LEAST, limits.ABOVE, limits.AT_MOST, limits.BELOW):
        for key in table:
            if key != "env.max_turns":
                limits.check_value(key, known[key].default)


def test_settings_survive_the_way_through_a_file() -> None:
    got = parsed("seed=7", "kl=none", "sizes=", "reward.odd name=0.1", 'out=a "quoted"\\path\x7f\t')
    again = from_toml(to_toml(got))
    assert again == got
    assert to_toml(again) == to_toml(got)


@given(
    seed=st.integers(0, 2**63 - 1), lr=st.floats(0, 1e300), out=st.none() | TEXT,
    weights=st.dictionaries(TEXT.filter(bool), st.floats(-1e9, 1e9), max_size=3),
)  # fmt: skip
def test_any_settings_survive_the_way_through_a_file(
    seed: int, lr: float, out: str | None, weights: dict[str, float]
) -> None:
    if out == "none":
        out = None
    base = PLAIN[0]
    got = replace(
        base, run=replace(base.run, seed=seed, out=out), learner=replace(base.learner, lr=lr), reward=weights
    )
    assert from_toml(to_toml(got)) == got


PLAIN: list[Any] = []


@pytest.fixture(autouse=True)
def _plain(_installed: None) -> None:
    PLAIN[:] = [parsed()]


def test_parsing_imports_no_torch_even_where_algorithms_do() -> None:
    """The algorithm's file imports torch at its top; names, values and check() are answered without it."""
    script = (
        "import sys\nfrom agentrl.config import parse\nfrom agentrl.errors import ConfigError\n"
        f"base = {list(BASE)!r}\n"
        "print(parse(base).algo_options['group_size'])\n"
        "for bad in ('group_size=1', 'group_size=x', 'omega=1', 'nonsense=1'):\n"
        "    try: parse([*base, bad])\n"
        "    except ConfigError as why: print('refused')\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert done.stdout.split() == ["2", *["refused"] * 4, "False"], done.stderr

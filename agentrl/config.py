"""Settings from words like `env=webshop algo=gigpo learner.lr=1e-3 @mine.toml`, to TOML and back.

What is more particular wins: defaults < what model=tiny brings < what the environment asks of the tiny
model < files < words. Nothing here imports torch; names are looked up before anything else is imported.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentrl.brought import BUILT, OPENAI, PROMPTS, STALE, TINY, TINY_VLLM
from agentrl.chain import earlier
from agentrl.configfile import Given, given_in, tables_of
from agentrl.configfile import to_toml as to_toml
from agentrl.errors import ConfigError, nearest
from agentrl.keys import GROUPS, REWARD, SHORT, Key, algo_keys, env_keys, general_keys, resolve
from agentrl.limits import check_backend, check_together, check_value
from agentrl.offers import names
from agentrl.outline import NeedsImportError, outline
from agentrl.registry import absolute, check_offered, entry_of, find, is_path
from agentrl.settings import Settings
from agentrl.values import value

if TYPE_CHECKING:
    from agentrl.algo import Algorithm
    from agentrl.env import Split, TextEnv

MOVABLE = (
    "learner.processes",
    "cluster",
    *(f"cluster.{name}" for name in ("kind", "address", "actors", "deadline")),
)
"""settings of where a run goes on, which do not change what it comes to"""


def parse(
    words: Iterable[str], *, algo: str | None = None, under: Mapping[str, Any] | None = None
) -> Settings:
    """Return the settings that command-line words ask for; `algo` is what is used where they name none.

    `under` holds values by key that files and words win over.

    Errors: ConfigError in one line: what was found, what is allowed, the nearest match, where the key exists.
    """
    given: dict[str, Given] = {}
    typed: dict[str, Given] = {}
    for word in words:
        if word.startswith("@"):
            given |= given_in(Path(word[1:]))
            continue
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise ConfigError(f"'{word}' is not of the form key=value (or @file.toml)")
        if key in typed and typed[key].value != text:
            raise ConfigError(f"{key} is given twice: {typed[key].value} and {text}")
        typed[key] = Given(text)
    return _resolved([{key: Given(value) for key, value in (under or {}).items()}, given, typed], algo)


def from_values(*layers: Mapping[str, Any], algo: str | None = None) -> Settings:
    """Return the settings of mappings from keys, as on the command line, to Python values; later ones win."""
    return _resolved([{key: Given(given) for key, given in layer.items()} for layer in layers], algo)


def from_toml(text: str) -> Settings:
    """Return the settings that `to_toml` wrote; equal to those it was given.

    Errors: ConfigError where the text is damaged, or an environment or algorithm has changed since.
    """
    return _resolved([tables_of(text, "config.toml")], None)


def moved(path: Path, words: Sequence[str]) -> Settings:
    """Return the settings of a run's `config.toml`, run elsewhere: words change where, and not what.

    Errors: ConfigError as `from_toml`, and for a word that says more.
    """
    for word in words:
        if word.partition("=")[0] not in MOVABLE:
            raise ConfigError(
                f"{word}: a run goes on under its own settings, but for where: {', '.join(MOVABLE)}"
            )
    if not words:
        return from_toml(path.read_text(encoding="utf-8"))
    return parse([f"@{path}", *words])


def as_trained(model: str, env: str) -> dict[str, Any]:
    """Return the settings under which a model is asked: those of its run where `model` is a run folder.

    The last policy of that run is asked as it was trained; options of its environment are told where that
    is `env`. Any other model is named, and no more.

    Errors: ConfigError where the run is not finished.
    """
    folder = Path(model)
    if not (folder / "config.toml").is_file():
        return {"model.path": model}
    run = from_toml((folder / "config.toml").read_text(encoding="utf-8"))
    if not (folder / "model").is_dir():
        raise ConfigError(f"model={model}: that run is not finished; go on: agentrl resume {model}")
    found = {f"rollout.{key}": entry for key, entry in asdict(run.rollout).items()}
    if run.env == absolute("envs", env):
        found |= {f"env.{key}": entry for key, entry in run.env_options.items()}
    return {**found, "model.path": str(folder / "model"), "model.dtype": run.model.dtype}


def make_env(chosen: Settings, split: "Split") -> "TextEnv":
    """Return the environment of a run, on one of its splits."""
    made: TextEnv = find("envs", chosen.env)(split, **chosen.env_options)
    return made


def make_algo(chosen: Settings) -> "Algorithm":
    """Return the algorithm of a run, its hyper-parameters checked."""
    made: Algorithm = find("algos", chosen.algo)(**chosen.algo_options)
    made.check()
    return made


def env_options(cls: "type[TextEnv]", given: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of an environment as its constructor takes them, from `env.key` or bare keys.

    Errors: ConfigError for what it does not have or cannot take.
    """
    known = env_keys(cls)
    found = {}
    for word, text in given.items():
        key = word if word.startswith("env.") else f"env.{word}"
        if key not in known:
            has = ", ".join(known)
            raise ConfigError(f"env '{cls.name}' has no setting '{key}'{nearest(key, known)} (it has: {has})")
        found[key.removeprefix("env.")] = _value(known[key], Given(text))
    return found


def _resolved(layers: list[dict[str, Given]], algo: str | None) -> Settings:
    """Return the settings of layers of given values, later ones on top."""
    env_name = _choice(layers, "env")
    algo_name = _choice(layers, "algo", algo)
    env_class: type[TextEnv] = find("envs", env_name)
    sketch = outline(algo_name)
    known = {**general_keys(), **env_keys(env_class), **algo_keys(sketch)}
    user: dict[str, Any] = {}
    for layer in layers:
        user |= _converted(layer, known, algo_name)
    before = earlier(user.get("model.path", ""))
    brought = _brought(user, env_class, known, algo_name, before is not None and before.tiny)
    if before is not None:
        along = {key: Given(found) for key, found in before.brought(env_name).items() if key in known}
        brought = {**brought, **_converted(along, known, algo_name)}
        user["model.path"] = before.path
    chosen = {**brought, **_aged(user), **user}
    built = _built(env_name, algo_name, chosen, known)
    try:
        check_together(built, sketch(**built.algo_options))
    except NeedsImportError:
        check_together(built, make_algo(built))
    return built


def _choice(layers: list[dict[str, Given]], group: str, default: str | None = None) -> str:
    """Return the name of the environment or algorithm, which somebody must offer."""
    kind: Any = f"{group}s"
    given = [layer[key] for layer in layers for key in (f"{group}.name", group) if key in layer]
    if group == "env" and not given and any({"data", "env.data"} & layer.keys() for layer in layers):
        given = [Given(PROMPTS)]
    if not given and default is None:
        raise ConfigError(f"say {group}=... (there are: {', '.join(names(kind)) or 'none installed'})")
    name = str(given[-1].value if given else default)
    with _said(given[-1] if given else Given(default)):
        check_offered(kind, name)
        return absolute(kind, name)  # a run is resumed from other folders too


def _converted(layer: Mapping[str, Given], known: Mapping[str, Key], algo: str) -> dict[str, Any]:
    """Return a layer with dotted keys and typed values."""
    found: dict[str, Any] = {}
    words: dict[str, str] = {}
    for word, given in layer.items():
        with _said(given):
            key = resolve(word, known, algo)
            if key in words:
                raise ConfigError(f"{words[key]} and {word} are the same setting; give it once")
            words[key] = word
            found[key] = _value(known.get(key) or Key(key, float), given)
    return found


def _value(key: Key, given: Given) -> Any:
    """Return a given value, converted and in range."""
    if key.name == SHORT["rollout"]:
        check_backend(given.value)
    found = value(key.name, given.value, key.hint)
    check_value(key.name, found)
    return _settled(key.name, found) if isinstance(found, str) else found


def _settled(key: str, found: str) -> str:
    """Return the name of a verifier, or of a file, as it means the same from every folder."""
    group, last = key.partition(".")[0], key.rpartition(".")[2]
    if key == "run.strict" and not is_path(found):
        entry_of("verifiers", found)
    if key == "run.strict" or (group == "env" and last == "verifier"):
        return absolute("verifiers", found)
    return (
        str(Path(found).absolute()) if group == "env" and last == "data" and Path(found).exists() else found
    )


@contextmanager
def _said(given: Given) -> Iterator[None]:
    """Put the file a value stands in before a message about it."""
    try:
        yield
    except ConfigError as why:
        if given.source:
            raise ConfigError(f"@{given.source}: {why}") from None
        raise


def _brought(
    user: Mapping[str, Any], env_class: "type[TextEnv]", known: Mapping[str, Key], algo: str, trained: bool
) -> dict[str, Any]:
    """Return what the embedded model brings along, the environment's wishes on top, or what an endpoint does.

    `trained` says that it is the embedded model as an earlier run left it: it is neither built nor warmed up.
    Edge: an environment may wish for hyper-parameters of several algorithms; only the chosen one's count.
    """
    if user.get("rollout.backend") == "openai":
        return {key: _value(known[key], Given(wish)) for key, wish in OPENAI.items()}
    if not trained and user.get("model.path", known["model.path"].default) != "tiny":
        return {}
    brought: dict[str, Any] = {}
    engine = TINY_VLLM if user.get("rollout.backend") == "vllm" else {}
    for key, wish in {**TINY, **engine, **env_class.tiny}.items():
        if (key.startswith("algo.") and key not in known) or (trained and key.startswith(BUILT)):
            continue
        if key not in known and not key.startswith(REWARD):
            raise ConfigError(f"env '{env_class.name}' asks the tiny model for '{key}', which is no setting")
        brought[key] = _value(known.get(key) or Key(key, float), Given(wish))
    return brought


def _aged(user: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what data of older weights bring along; a sampler's word that is taken needs no weights."""
    aged = user.get("run.staleness", 0) > 0 and user.get("rollout.old", "recompute") == "recompute"
    return STALE if aged else {}


def _built(env: str, algo: str, chosen: Mapping[str, Any], known: Mapping[str, Key]) -> Settings:
    """Return settings with the chosen values; options of environment and algorithm are spelt out in full."""

    def part(group: str) -> dict[str, Any]:
        return {key.partition(".")[2]: v for key, v in chosen.items() if key.partition(".")[0] == group}

    def options(group: str) -> dict[str, Any]:
        found = {}
        for name, key in known.items():
            if name.partition(".")[0] != group or name == f"{group}.name":
                continue
            if name not in chosen and key.required:
                raise ConfigError(f"{group} '{env if group == 'env' else algo}' needs {name}=...")
            found[name.partition(".")[2]] = chosen.get(name, key.default)
        return found

    plain = Settings(env, algo, options("env"), options("algo"), part("reward"))
    return replace(plain, **{group: replace(getattr(plain, group), **part(group)) for group in GROUPS})

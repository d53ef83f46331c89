"""`agentrl check env=NAME` and `verifier=NAME`: the rules that hold for every environment and verifier."""

from collections.abc import Sequence
from pathlib import Path

from agentrl.check.rules import Rule, Watch, findings
from agentrl.errors import ConfigError


def check_command(words: Sequence[str]) -> bool:
    """Print what becomes of every rule for `env=NAME` or `verifier=NAME`; tell whether all hold.

    Of a verifier also how often it is wrong on its own pairs and on those of `corpus=FILE.jsonl`, which is
    measured and no rule.

    Errors: ConfigError for unknown names and options.
    """
    given: dict[str, str] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise ConfigError(f"'{word}' is not of the form key=value")
        given[key] = text
    chosen = [key for key in ("env", "verifier") if key in given]
    if len(chosen) != 1:
        raise ConfigError("say what to check: agentrl check env=NAME [env.key=value ...], or verifier=NAME")
    name = given.pop(chosen[0])
    watch = Watch()
    if chosen == ["env"]:
        from agentrl.check.env import env_rules

        rules = env_rules(name, given, watch)
    else:
        from agentrl.check.corpus import read_corpus
        from agentrl.check.verifier import verifier_kit

        corpus = given.pop("corpus", None)
        if given:
            raise ConfigError(
                f"a verifier has no settings, but found {', '.join(given)} (beside it: corpus=FILE.jsonl)"
            )
        rules = verifier_kit(name, read_corpus(Path(corpus)) if corpus else (), watch).rules()
    return _printed(f"{chosen[0]} {name}", rules, watch)


def _printed(heading: str, rules: Sequence[Rule], watch: Watch) -> bool:
    """Print findings as they come; tell whether every rule holds."""
    print(heading)
    measured = ""
    counts = {"ok": 0, "FAILED": 0, "not applicable": 0}
    for finding in findings(rules, watch):
        print(_safe(str(finding)), flush=True)
        counts[finding.status] += 1
        measured += finding.measured
    unseen = len(rules) - sum(counts.values())
    counts |= {"not reached": unseen} if unseen else {}
    print(f"{len(rules)} rules: {', '.join(f'{count} {status}' for status, count in counts.items())}")
    if measured:
        print(_safe(measured))
    return counts["FAILED"] == 0


def _safe(text: str) -> str:
    """Return text that can be printed: what is quoted may hold anything, half characters too."""
    return text.encode(errors="backslashreplace").decode()

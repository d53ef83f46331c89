"""`agentrl check env=NAME` and `verifier=NAME`: the rules that hold for every environment and verifier."""

from collections.abc import Sequence

from agentrl.check.rules import Rule, Watch, findings
from agentrl.errors import ConfigError


def check_command(words: Sequence[str]) -> bool:
    """Print what becomes of every rule for `env=NAME` or `verifier=NAME`; tell whether all hold.

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
        from agentrl.check.verifier import verifier_rules

        if given:
            raise ConfigError(f"a verifier has no settings, but found {', '.join(given)}")
        rules = verifier_rules(name, watch)
    return _printed(f"{chosen[0]} {name}", rules, watch)


def _printed(heading: str, rules: Sequence[Rule], watch: Watch) -> bool:
    """Print findings as they come; tell whether every rule holds."""
    print(heading)
    counts = {"ok": 0, "FAILED": 0, "not applicable": 0}
    for finding in findings(rules, watch):
        # What is quoted may hold anything, half characters too.
        print(str(finding).encode(errors="backslashreplace").decode(), flush=True)
        counts[finding.status] += 1
    unseen = len(rules) - sum(counts.values())
    counts |= {"not reached": unseen} if unseen else {}
    print(f"{len(rules)} rules: {', '.join(f'{count} {status}' for status, count in counts.items())}")
    return counts["FAILED"] == 0

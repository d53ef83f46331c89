# ruff: noqa: E501 - messages are kept whole
"""The conformance kit passes what is right, and notices each thing that is wrong."""

import json
from pathlib import Path

import pytest

from agentrl.check import check_command
from agentrl.check.corpus import read_corpus
from agentrl.check.env import env_rules
from agentrl.check.rules import Finding, Watch, findings
from agentrl.check.verifier import verifier_kit, verifier_rules
from agentrl.errors import AgentRLError, ConfigError
from agentrl.verify import Pair

PLUGINS = Path(__file__).parent / "plugins"
PANELS, HASHES = "panels hold tasks", "panels are the same"
STARTS, DETERMINISTIC = "all members", "task and actions alone"
EXPERT, JUNK, HOSTILE, LIMIT = "the expert", "junk solves", "whatever the action", "episodes end"
WORKER = "it plays alike"
SNAPSHOT, PICKLE, KEYS, LEAKS, GYM = (
    "a snapshot",
    "it can be pickled",
    "states with one",
    "observations give",
    "Gymnasium",
)


def found(name: str, *sentences: str, deadline: float = 10.0) -> dict[str, Finding]:
    """Return what becomes of the rules whose sentences begin like these; all rules if none are named."""
    watch = Watch()
    rules = env_rules(f"{PLUGINS / 'wrong.py'}:{name}", {}, watch)
    chosen = [rule for rule in rules if not sentences or rule.sentence.startswith(sentences)]
    return {finding.sentence: finding for finding in findings(chosen, watch, deadline)}


def test_an_environment_in_order_passes_everything() -> None:
    results = found("Steps")
    assert len(results) == 16
    assert {finding.status for finding in results.values()} == {"ok"}, [str(f) for f in results.values()]


@pytest.mark.parametrize(
    ("name", "rule", "why"),
    [
        ("OneSplit", PANELS, "task id t0 is in train and dev"),
        ("SameContent", PANELS, "task dev0 of dev has the seed and data of a task of train"),
        ("EmptySplit", PANELS, "dev is empty"),
        ("DrawnPanel", HASHES, "train is "),
        ("HashedPanel", HASHES, " in another process"),
        ("Remembers", STARTS, "begun again after an episode: observation 0 is 'Step 0 of 3. Visit 1.', then"),
        ("CommonDice", DETERMINISTIC, "played twice: observation 1 is"),
        ("LoserExpert", EXPERT, "ended with score 0"),
        ("EasyJunk", JUNK, "is solved by saying ''"),
        ("Fragile", HOSTILE, "UnicodeEncodeError"),
        ("BadScore", HOSTILE, "score 2: rewards are finite, scores from 0 to 1"),
        ("Raises", HOSTILE, "KeyError: 'speed' (wrong.py, line "),
        ("Endless", LIMIT, "went on for 9 turns; max_turns is 8"),
        ("Forgetful", SNAPSHOT, "restored in another environment: observation"),
        ("AtHome", SNAPSHOT, "the other process failed: KeyError"),
        ("Glued", PICKLE, "pickle"),
        ("OneKey", KEYS, "key here stands for states that offer 'stay' and states that do not"),
        ("Aliased", KEYS, "key False, after 'go' stands for states that offer"),
        ("BehindADoor", KEYS, "key True stands for states that offer 'look1' and states that do not"),
        ("Talkative", LEAKS, "task train0 shows its answer, 'blue', before the first action"),
        ("PaysInWords", LEAKS, "reads 'Reward: 0' before its end"),
        ("Opaque", WORKER, "a Opaque cannot leave the process"),
        ("NoSpace", GYM, ""),
    ],
)
def test_what_is_wrong_is_noticed_by_its_rule(name: str, rule: str, why: str) -> None:
    [finding] = found(name, rule).values()
    assert finding.status == "FAILED" and why in finding.why, finding


def test_without_listed_actions_state_keys_cannot_be_compared() -> None:
    [finding] = found("Unlisted", KEYS).values()
    assert (finding.status, finding.why) == ("not applicable", "it lists no actions")


def test_a_call_that_does_not_come_back_is_a_finding_and_ends_the_check() -> None:
    results = list(found("Hangs", HOSTILE, LIMIT, deadline=0.3).values())
    assert [str(finding) for finding in results] == [
        "  FAILED         whatever the action, there is a well-formed answer: step('[') did not come back within 0.3 s"
    ]


def test_the_command_prints_every_rule_and_tells_whether_all_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_command([f"env={PLUGINS / 'count.py'}", "env.high=3", "max_turns=9"])
    out = capsys.readouterr().out
    assert out.count("  ok ") == 16 and "16 rules: 16 ok, 0 FAILED, 0 not applicable" in out
    assert not check_command([f"env={PLUGINS / 'wrong.py'}:EasyJunk"])
    assert "FAILED         junk solves nothing and scores below 1: task" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "say what to check"),
        (["env=x", "verifier=y"], "say what to check"),
        (["webshop"], "'webshop' is not of the form key=value"),
        ([f"env={PLUGINS / 'count.py'}", "hihg=3"], r"has no setting 'env.hihg'; did you mean 'env.high'\?"),
        ([f"env={PLUGINS / 'count.py'}", "high=x"], "env.high=x: expected a whole number"),
        (["env=./nothing.py"], "there is no file ./nothing.py"),
        (["verifier=./nothing.py"], "there is no file ./nothing.py"),
    ],
)
def test_wrong_words_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_command(words)


VERIFIERS = """
from agentrl import verifier
from agentrl.verify import Pair

PAIRS = (Pair("yes", {"answer": "yes"}, True), Pair("no", {"answer": "yes"}, False))

@verifier("right", pairs=PAIRS)
def right(answer, task): return float(answer == task.data["answer"])

@verifier("generous", pairs=PAIRS)
def generous(answer, task): return 1.0

@verifier("strict", pairs=PAIRS)
def strict(answer, task): return 0.0

@verifier("fragile", pairs=PAIRS)
def fragile(answer, task): return float(answer.encode() == b"yes")

@verifier("wide", pairs=PAIRS)
def wide(answer, task): return float(len(answer) * (answer != "no") / 3)

@verifier("upside_down", low=1, high=0, pairs=PAIRS)
def upside_down(answer, task): return 1.0

@verifier("moody", pairs=PAIRS)
def moody(answer, task, calls=[]):
    calls.append(1)
    return float(answer == "yes" and len(calls) != 2)

@verifier("untested")
def untested(answer, task): return 1.0
"""


@pytest.mark.parametrize(
    ("name", "failed"),
    [
        ("right", {}),
        ("generous", {"answers that must fail get less": "'no' got 1",
                      "junk gets less than the best score": "an empty answer got 1 in every task"}),
        ("strict", {"answers that must pass get the best score": "'yes' got 0, not 1"}),
        ("fragile", {"whatever the answer, there is a verdict within the range": "gave error: UnicodeEncodeError"}),
        ("wide", {"junk gets less than the best score": "outside [0, 1]", "whatever the answer, there is a verdict within the range": "outside [0, 1]"}),
        ("untested", {"answers that must pass get the best score": "no pair says",
                      "answers that must fail get less": "no pair says"}),
        ("moody", {"the same answer gets the same verdict": "'yes' got 1, then 0"}),
    ],
)  # fmt: skip
def test_verifiers_are_judged(tmp_path: Path, name: str, failed: dict[str, str]) -> None:
    (tmp_path / "judges.py").write_text(VERIFIERS)
    watch = Watch()
    rules = verifier_rules(f"{tmp_path / 'judges.py'}:{name}", watch)
    if name == "moody":  # its mood is counted from the first question
        rules = [rule for rule in rules if rule.sentence.startswith("the same")]
    results = {f.sentence: f.why for f in findings(rules, watch) if f.status == "FAILED"}
    assert results.keys() == failed.keys()
    assert all(part in results[sentence] for sentence, part in failed.items()), results


def test_a_verifier_is_measured_on_its_pairs_and_a_corpus(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "judges.py").write_text(VERIFIERS)
    lines = [
        {"answer": answer, "data": {"answer": "yes"} if answer != "lost" else {}, "passes": passes}
        for answer, passes in [("yes", True)] * 7
        + [("Yes", True), ("yes", False), ("no", False), ("lost", True)]
    ]
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    assert check_command([f"verifier={tmp_path / 'judges.py'}:right", f"corpus={corpus}"])
    out = capsys.readouterr().out
    for said in (
        "8 rules: 8 ok",
        "corpus: 13 answers",
        "false positives 1 of 3 (33.3 %, 95 % interval 6.1 to 79.2)",
        "false negatives 1 of 9 (11.1 %, 95 % interval 2.0 to 43.5)",
        "unknown         1 of 13, error 1",
        "passed, must fail: answer 11, 'yes': score 1",
        "failed, must pass: answer 10, 'Yes': score 0",
        "unknown: answer 13, 'lost': KeyError: 'answer'",
        "time an answer  median ",
    ):
        assert said in out, out


def test_only_the_first_misjudged_answers_are_shown(tmp_path: Path) -> None:
    (tmp_path / "judges.py").write_text(VERIFIERS)
    pairs = [Pair("x" * 100, {"answer": "yes"}, True)] * 8
    kit = verifier_kit(f"{tmp_path / 'judges.py'}:right", pairs, Watch())
    kit.measure()
    lines = str(kit.measured).splitlines()
    assert sum("failed, must pass: answer" in line for line in lines) == 5
    assert "failed, must pass: 3 more" in str(kit.measured) and max(map(len, lines)) < 120


def test_an_answer_that_is_never_judged_ends_the_measurement(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import time\ndef slow(answer, task): time.sleep(60)\n")
    watch = Watch()
    kit = verifier_kit(str(tmp_path / "slow.py"), [Pair("x", {}, True)], watch)
    *_, last = findings(kit.rules()[-1:], watch, 0.2)
    assert last.status == "FAILED" and "verify('x') did not come back within 0.2 s" in last.why
    assert kit.measured is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "corpus=.*: cannot be read: No such file"),
        ("\n", "holds no answers"),
        ('{"answer": "4", "data": {}, "passes": true}\nnonsense', r"line 2: .*a line is \{"),
        ('{"answer": 4, "data": {}, "passes": true}', r"line 1: Expected `str`, got `int` - at `\$.answer`"),
        ('{"answer": "4", "data": {}}', "line 1: .*missing required field `passes`"),
    ],
)
def test_a_broken_corpus_is_told_by_line_and_field(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "corpus.jsonl"
    if text is not None:
        path.write_text(text)
    with pytest.raises(AgentRLError, match=message):
        read_corpus(path)


def test_an_upside_down_range_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "judges.py").write_text(VERIFIERS)
    watch = Watch()
    results = list(findings(verifier_rules(f"{tmp_path / 'judges.py'}:upside_down", watch), watch))
    assert results[0].status == "FAILED" and "it says [1, 0]" in results[0].why


def test_our_own_verifier_is_in_order() -> None:
    watch = Watch()
    path = Path(__file__).parents[2] / "verifiers" / "agentrl_verifiers" / "exact.py"
    assert {f.status for f in findings(verifier_rules(f"{path}:exact", watch), watch)} == {"ok"}

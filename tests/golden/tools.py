"""Adapters of the files on tool use: shaped rewards, what calls come to, answers, ToolRL's reward."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from agentrl import toolstats
from agentrl.credit import groups, otc
from agentrl.types import Task
from agentrl.verify import Submission
from agentrl_verifiers import answers, toolrl
from tests.golden.case import Case
from tests.golden.online import Inputs, Outputs, real
from tests.golden.public import Public


def otc_rtool(public: Public, x: Inputs) -> Outputs:
    """One episode's calls against the fewest."""
    calls, least = real([x["m"]]), real([x["n"]])
    found = {"f": public.harmonic(calls, least), "r_tool": public.efficiency(calls, least, x["c"])}
    # The file holds 8 digits, and its tolerance is a hair less than what was rounded off 10 / 3.
    return {name: float(f"{column.item():.8g}") for name, column in found.items()}


def otc_(public: Public, x: Inputs) -> Outputs:
    """Rewards of whole groups, and GRPO's advantages of them; PPO knows no fewest calls."""
    sizes = [len(part) for part in x["r_correct"]]
    group = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    reward, calls = (real([n for part in x[name] for n in part]) for name in ("r_correct", "tool_calls"))
    correct = reward > 0
    least = torch.full_like(calls, torch.nan)
    if x["variant"] == "grpo":
        least = public.least_calls(calls, correct, group)
    share = public.efficiency(calls, least, x["c"])
    shaped = public.scaled_reward(reward, share, alpha=x["alpha"])
    columns = {
        "r_tool": torch.where(correct, share, 0.0),
        "reward": shaped,
        "advantage": groups.group_relative(shaped, group),
    }
    found: Outputs = {name: [p.tolist() for p in column.split(sizes)] for name, column in columns.items()}
    fewest = [float(part[0]) for part in least.split(sizes)]
    return found | {"n_optimal": [None if math.isnan(n) else n for n in fewest]}


def tool_metrics(public: Public, x: Inputs) -> Outputs:
    """EM, TC and TP."""
    use = public.tool_use(
        [toolstats.Answered(bool(c), m) for c, m in zip(x["correct"], x["tool_calls"], strict=True)]
    )
    return {"EM": use.em.mean, "TC": use.tc.mean, "TP": public.productivity(x["correct"], x["tool_calls"])}


def em(public: Public, x: Inputs) -> Outputs:
    """Normalisation, and the two comparisons."""
    given, gold = x["prediction"], x["gold"]
    return {
        "normalized": public.squad_words(given),
        "em": int(any(public.exact_match(given, one) for one in gold)),
        "sub_em": int(any(public.contains_match(given, one) for one in gold)),
    }


def toolrl_parts(public: Public, x: Inputs) -> Outputs:
    """Layout and nearness, put together here."""
    reply, truth = x["prediction"].strip(), x["ground_truth"]
    layout, near = float(public.layout_holds(reply, truth)), 0.5
    if "<tool_call>" in truth:
        try:
            near = public.likeness(toolrl.calls_in(truth), public.calls_in(reply))
        except (ValueError, KeyError):
            near = 0.0
    correct = 6.0 * near - 3.0
    return {"format": layout, "correctness": correct, "total": layout + correct}


def toolrl_cases(content: dict[str, Any]) -> list[Case]:
    """Return a case a reply, through the verifier."""

    def judge(case: dict[str, Any], public: Public) -> Outputs:
        task = Task("golden", "test", 0, {"ground_truth": case["ground_truth"]})
        verdict = public.ToolRL_verify(toolrl.ToolRL(), Submission(case["response"]), task)
        return {"total": verdict.score, **verdict.parts}

    return [Case(case["name"], case["expected"], 1e-9, partial(judge, case)) for case in content["cases"]]


FUNCTIONS: list[Callable[..., Any]] = [
    *(otc.harmonic, otc.efficiency, otc.least_calls, otc.scaled_reward),
    *(toolstats.tool_use, toolstats.productivity),
    *(answers.squad_words, answers.exact_match, answers.contains_match),
    *(toolrl.layout_holds, toolrl.likeness, toolrl.calls_in, toolrl.ToolRL.verify),
]

ADAPTERS = {
    "online_otc_rtool": otc_rtool,
    "online_otc": otc_,
    "online_tool_metrics": tool_metrics,
    "online_em": em,
    "online_toolrl": toolrl_parts,
}

FILES = {"toolrl_reward": toolrl_cases}

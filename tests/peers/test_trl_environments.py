"""Our environments in TRL's own GRPOTrainer: what was sampled is what is trained, and nothing else."""

import inspect
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

import agentrl
from agentrl.adapters import trl as ours
from agentrl.adapters.tooling import OVER
from agentrl.errors import ConfigError
from agentrl.learner.start import new_policy
from agentrl.settings import ModelSettings

slow = pytest.mark.slow


@pytest.fixture(scope="module")
def trl() -> Any:
    return pytest.importorskip("trl", reason="TRL is not installed: it comes with the extra 'trl'")


def config(trl: Any, folder: Path, **settings: Any) -> Any:
    return trl.GRPOConfig(
        output_dir=str(folder), use_cpu=True, bf16=False, gradient_checkpointing=False,
        per_device_train_batch_size=8, num_generations=4, max_steps=2, learning_rate=1e-2, logging_steps=1,
        save_strategy="no", report_to="none", **settings,
    )  # fmt: skip


def watched(trainer: Any) -> list[dict[str, Any]]:
    """Return a list that fills with what the trainer trains on."""
    seen: list[dict[str, Any]] = []
    whole = trainer._generate_and_score_completions

    def watch(inputs: Any) -> Any:
        out = whole(inputs)
        batch = {key: value for key, value in out.items() if isinstance(value, torch.Tensor)}
        seen.append({**batch, "own": trainer_logps(trainer, out)})
        return out

    trainer._generate_and_score_completions = watch
    return seen


def trainer_logps(trainer: Any, out: dict[str, Any]) -> torch.Tensor:
    """Return the log-probabilities that the trainer's model gives the completions, at its temperature."""
    ids = torch.cat([out["prompt_ids"], out["completion_ids"]], 1)
    mask = torch.cat([out["prompt_mask"], out["completion_mask"]], 1)
    with torch.no_grad():
        logits = trainer.model(input_ids=ids, attention_mask=mask).logits[
            :, out["prompt_ids"].shape[1] - 1 : -1
        ]
    logits = logits.float() / trainer.args.temperature
    return logits.log_softmax(-1).gather(-1, out["completion_ids"][..., None])[..., 0]


@slow
def test_episodes_that_we_play_train_there_with_the_tokens_and_probabilities_sampled(
    trl: Any, tmp_path: Path
) -> None:
    env = agentrl.make("guess")
    policy = new_policy(ModelSettings(path="tiny", hidden=32, heads=2, layers=1), env, env.tasks("train"), 0)
    settings = {"rollout.style": "plain", "rollout.max_context": 400, "rollout.max_tokens": 6}
    trainer = trl.GRPOTrainer(
        model=policy.module.float(),
        reward_funcs=[ours.episode_return, varied],
        args=config(trl, tmp_path, max_completion_length=64, temperature=0.7),
        train_dataset=ours.task_ids("guess", tasks=8),
        processing_class=policy.tokenizer,
        rollout_func=ours.rollout_func("guess", **settings),
    )
    seen = watched(trainer)
    before = [p.detach().clone() for p in trainer.model.parameters()]
    trainer.train()
    assert len(seen) == 2
    for batch in seen:
        own = (batch["tool_mask"] * batch["completion_mask"]).bool()
        said = batch["completion_mask"].bool() & ~own
        assert own.any() and said.any(), "there is nothing to compare"
        torch.testing.assert_close(
            batch["sampling_per_token_logps"][own], batch["own"][own], atol=1e-4, rtol=0
        )
        assert (batch["sampling_per_token_logps"][said] == 0).all()
        for row in range(8):
            theirs = policy.tokenizer.decode(batch["completion_ids"][row][said[row]])
            written = policy.tokenizer.decode(batch["completion_ids"][row][own[row]])
            assert "0 to 19" not in written, "the environment's words are trained on"
            assert ("0 to 19" in theirs) or not said[row].any() or "number is" in theirs
    assert any(not torch.equal(a, b) for a, b in zip(before, trainer.model.parameters(), strict=True))
    assert "rewards/episode_return/mean" in trainer.state.log_history[0]


def varied(completions: list[str], **_: Any) -> list[float]:
    """Return how many different characters a completion has: a random policy guesses no number."""
    return [float(len(set(text))) for text in completions]


def talker() -> tuple[Any, Any]:
    """Return a tokenizer with a template that TRL knows and tokens that are whole calls, and a model."""
    from trl.chat_template_utils import qwen3_chat_template

    words = Tokenizer(WordLevel({"<unk>": 0, "<|endoftext|>": 1, "so": 2, "number": 3}, unk_token="<unk>"))
    words.pre_tokenizer = WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<|endoftext|>", eos_token="<|im_end|>", unk_token="<unk>"
    )
    calls = [
        f'<tool_call>\n{{"name": "act", "arguments": {{"action": "{n}"}}}}\n</tool_call>' for n in (3, 10)
    ]
    tokenizer.add_tokens([AddedToken(call, normalized=False) for call in calls])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    tokenizer.chat_template = qwen3_chat_template
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=1024,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    return tokenizer, model


@slow
def test_an_environment_is_tools_that_trl_calls_and_its_words_are_masked(trl: Any, tmp_path: Path) -> None:
    tokenizer, model = talker()
    factory = ours.environment_factory("guess")
    made: list[Any] = []

    def make() -> Any:
        made.append(factory())
        return made[-1]

    trainer = trl.GRPOTrainer(
        model=model,
        args=config(trl, tmp_path, max_completion_length=96, max_tool_calling_iterations=3),
        train_dataset=ours.task_prompts("guess", tasks=4),
        processing_class=tokenizer,
        environment_factory=make,
    )
    seen = watched(trainer)
    trainer.train()
    assert any(len(one._env._actions) for one in made), "no tool was called"
    assert all(set(one._env._actions) <= {"3", "10"} for one in made)
    masked = 0
    for batch in seen:
        starts = batch["completion_ids"] == tokenizer.convert_tokens_to_ids("<|im_start|>")
        world = batch["completion_mask"].bool() & ~batch["tool_mask"].bool()
        masked += int(world.sum())
        own = batch["completion_mask"].bool() & batch["tool_mask"].bool()
        assert own[:, 0].all() and (world & starts).any() == world.any()
    assert masked, "no word of the environment is in the data"
    assert "rewards/guess/mean" in trainer.state.log_history[0]


def test_tools_have_the_names_types_and_meanings_of_the_environment() -> None:
    from transformers.utils import get_json_schema

    episode = ours.environment_factory("tools")()
    wanted = agentrl.make("tools")
    wanted.reset(seed=0)
    names = {tool["function"]["name"]: tool["function"] for tool in wanted.tools()}
    methods = {
        name: getattr(episode, name)
        for name, _ in inspect.getmembers(type(episode), inspect.isfunction)
        if not name.startswith("_") and name not in ("reset", "get_reward")
    }
    assert methods.keys() == {*names, "answer"}
    for name, about in names.items():
        schema = get_json_schema(methods[name])["function"]
        assert schema["description"] == about["description"].strip()
        assert schema["parameters"]["properties"].keys() == about["parameters"]["properties"].keys()
        assert schema["parameters"].get("required", []) == about["parameters"].get("required", [])


def test_a_row_names_its_task_and_the_reward_is_the_episodes_return() -> None:
    episode = ours.environment_factory("guess")()
    task = agentrl.make("guess").tasks("train")[7]
    assert episode.reset(task=task.id, prompt="x") == "Guess a number from 0 to 19."
    assert "number" in episode.act(action="none")
    assert episode.act(action=task.data["answer"]).endswith(OVER) and episode.get_reward() == 1.0
    assert episode.act(action="3") == OVER and episode.get_reward() == 1.0
    with pytest.raises(ConfigError, match="did you mean 'guess-train-7'"):
        episode.reset(task="guess-train-7x")


@pytest.mark.parametrize("trouble", ["raise", "hang"])
def test_an_environment_that_raises_or_hangs_costs_its_episode_not_the_run(trouble: str) -> None:
    settings = {"env.arguments": f'{{"trouble": "{trouble}"}}', "rollout.workers": 1, "rollout.deadline": 1.0}
    episode = ours.environment_factory("gym:tests.peers.corridor:test/Corridor-v0", **settings)()
    assert episode.reset().startswith("{")
    assert episode.act(action="right").startswith("The environment failed: ")
    assert episode.get_reward() is None
    assert episode.reset().startswith("{") and episode.get_reward() == 0.0


def test_wrong_words_are_answered_in_a_line() -> None:
    with pytest.raises(ConfigError, match=r"as one sequence: rollout\.mode=transcript"):
        ours.rollout_func("guess", **{"rollout.mode": "window"})
    with pytest.raises(ConfigError, match="names no task of guess/train; did you mean 'guess-train-1'"):
        ours.rollout_func("guess")(["guess-train-1x"], None)
    with pytest.raises(ConfigError, match="did you mean 'guess'"):
        ours.environment_factory("gues")

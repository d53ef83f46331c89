"""What each token reads as."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agentrl.errors import DataError


def token_texts(run: Path, ids: Iterable[int]) -> dict[int, str] | None:
    """Return the text of each token of a run's tokenizer; None where the run has kept none.

    A token is read behind another one, since decoders treat the beginning of a text in a way of its own.

    Edge:   a token that is part of a character reads as the replacement character.
    Errors: DataError where the tokenizer cannot be read.
    """
    places = [run / "model", *sorted(run.glob("checkpoints/*/policy"), reverse=True)]
    found = [place for place in places if (place / "tokenizer.json").is_file()]
    if not found:
        return None
    try:
        decode = _decoder(found[0] / "tokenizer.json")
    except Exception as why:  # the library raises its bare base class
        raise DataError(f"{found[0] / 'tokenizer.json'}: {why}") from why
    return {token: decode(token) for token in sorted(ids)}


def _decoder(path: Path) -> Any:
    """Return what turns an id into its text."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    before = tokenizer.encode("a", add_special_tokens=False).ids
    start = tokenizer.decode(before, skip_special_tokens=False)

    def text(token: int) -> str:
        both: str = tokenizer.decode([*before, token], skip_special_tokens=False)
        if both.startswith(start):
            return both[len(start) :]
        return str(tokenizer.decode([token], skip_special_tokens=False))

    return text

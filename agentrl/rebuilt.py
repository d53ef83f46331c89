"""Pickling environments whose episode holds something large that every process makes for itself."""

from typing import Any, ClassVar


class Rebuilt:
    """Put before `TextEnv` in an environment's bases: pickles hold what `save` returns for one attribute.

    `load`, which makes that attribute again, is called where the pickle is read, if an episode was going on.
    """

    rebuilt: ClassVar[str]
    """name of the attribute, which is there from the first `begin` on"""

    def __getstate__(self) -> dict[str, Any]:
        """Return the episode without what is large."""
        kept = dict(self.__dict__)
        if kept.pop(self.rebuilt, None) is not None:
            kept["_saved"] = self.save()  # type: ignore[attr-defined]
        return kept

    def __setstate__(self, kept: dict[str, Any]) -> None:
        """Take an episode back, in this or another process."""
        saved = kept.pop("_saved", None)
        self.__dict__.update(kept)
        if saved is not None:
            self.load(saved)  # type: ignore[attr-defined]

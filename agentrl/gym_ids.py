"""Gymnasium ids of the environments: `gymnasium.make("agentrl/WebShop-v0")` after `import agentrl`."""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def gym_id(class_name: str) -> str:
    """Return the id that an environment class has in Gymnasium."""
    return f"agentrl/{class_name}-v0"


def register_class(cls: type[Any]) -> None:
    """Make an environment class known to Gymnasium, unless it already is, by its entry point."""
    import gymnasium

    name = gym_id(cls.__name__)
    known = gymnasium.registry.get(name)
    if known is not None and _same_class(known.entry_point, cls):
        return
    gymnasium.register(id=name, entry_point=cls)  # type: ignore[arg-type]


def _same_class(entry_point: Any, cls: type[Any]) -> bool:
    """Tell whether a registered entry point leads to `cls`, perhaps through a package that hands it on."""
    if not isinstance(entry_point, str):
        return bool(entry_point is cls)
    module, _, attribute = entry_point.partition(":")
    return attribute == cls.__name__ and (cls.__module__ == module or cls.__module__.startswith(f"{module}."))


def register_installed() -> None:
    """Make every installed environment known to Gymnasium, by text, so that none is imported early."""
    import gymnasium

    from agentrl.offers import offers  # not above: `agentrl --help` would wait for importlib.metadata

    for entries in offers("envs").values():
        name = gym_id(entries[0].attr)
        if name not in gymnasium.registry:
            gymnasium.register(id=name, entry_point=entries[0].value)


def register_when_gymnasium_is_there() -> None:
    """Register the installed environments now, or right after Gymnasium is imported.

    Edge: `import agentrl` does not import Gymnasium for this: it costs over 0.1 s, and a mistyped command is
          to be answered at once.
    """
    if "gymnasium" in sys.modules:
        register_installed()
    else:
        sys.meta_path.insert(0, _AfterGymnasium())


class _AfterGymnasium:
    """Steps in once, when Gymnasium is imported. No base class: importlib.abc is slow to import."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "gymnasium":
            return None
        from importlib.util import find_spec

        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _ThenRegister(spec.loader)  # type: ignore[assignment]  # a loader by what it does
        return spec


class _ThenRegister:
    """Gymnasium's own loader, with the registration behind it."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        register_installed()

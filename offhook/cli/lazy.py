"""Commands whose modules are imported once they are asked for: each starts as fast as what it needs."""

import gc
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group


def lazy_group(places: Mapping[str, str]) -> type[TyperGroup]:
    """The class of a Typer with the commands `places`: by name, MODULE:NAME of a function, or of a Typer of further
    ones. Its help imports them all."""

    class Group(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands = _Commands(places)

    return Group


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for no garbage where next to none is made: as in imports, of which looking takes a tenth."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class _Commands(MutableMapping[str, Any]):
    """A command is imported when it is looked up, and only then."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = dict(places)
        self._imported: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._imported:
            self._imported[name] = _imported(name, self._places[name])
        return self._imported[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._places[name], self._imported[name] = "", command

    def __delitem__(self, name: str) -> None:
        del self._places[name]
        self._imported.pop(name, None)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _imported(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    with uncollected():
        found: typer.Typer | Callable[..., object] = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        command: Any = get_group(found)
    else:
        alone = typer.Typer(add_completion=False)
        alone.command(name)(found)
        command = get_command(alone)
    command.name = name
    return command

"""Which call is which: the names that carriers give their calls, all over a bot, and who may go on with one.

A carrier's name for a call (Twilio's call SID, say) is known to many. It belongs to one call: the first that claims it,
until that call is over. While it is held, a stream that was lost may be replaced by another one.
"""

from typing import Protocol


class CallDirectory(Protocol):
    """Names of calls. A call is an opaque handle; several nodes may share one directory."""

    def claim(self, name: str, call: str) -> bool:
        """Whether the name is this call's from now on: not if another call holds it."""

    def find(self, name: str) -> str | None:
        """The call that holds the name, and may be resumed."""

    def release(self, call: str) -> None:
        """The call is over, or about to end: its names are free. Idempotent."""


class MemoryDirectory:
    """A `CallDirectory` of one process, which all its workers ask."""

    def __init__(self) -> None:
        self._calls: dict[str, str] = {}
        self._names: dict[str, list[str]] = {}

    def claim(self, name: str, call: str) -> bool:
        """`CallDirectory.claim`."""
        held = self._calls.setdefault(name, call)
        if held == call and name not in (names := self._names.setdefault(call, [])):
            names.append(name)
        return held == call

    def find(self, name: str) -> str | None:
        """`CallDirectory.find`."""
        return self._calls.get(name)

    def release(self, call: str) -> None:
        """`CallDirectory.release`."""
        for name in self._names.pop(call, ()):
            del self._calls[name]

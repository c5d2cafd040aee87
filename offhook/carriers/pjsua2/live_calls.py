"""PJSIP's calls by their handles, and those that are over until they may be taken apart.

PJSIP has as many numbers for calls as its build has room for, and gives the number of a call that is over to another
at once. Its object of a call that is taken apart takes the number along: the new call, which nobody would hear of any
more, is hung up. So what is over waits until no other call has its number.
"""

from collections.abc import Iterator

from offhook.carriers.pjsua2.objects import PjCall


class LiveCalls:
    """Of a user agent."""

    def __init__(self) -> None:
        self._all: dict[str, PjCall] = {}
        self._over: list[PjCall] = []

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[PjCall]:
        return iter(tuple(self._all.values()))

    def get(self, handle: str) -> PjCall | None:
        """None: there is none."""
        return self._all.get(handle)

    def numbered(self, number: int) -> PjCall | None:
        """The one that PJSIP calls by that number; None: there is none, or it is below 0, which stands for none."""
        return next((call for call in self._all.values() if call.getId() == number >= 0), None)

    def add(self, call: PjCall) -> None:
        """It begins."""
        self._all[call.handle] = call

    def over(self, call: PjCall) -> None:
        """PJSIP has no more to say of it. It is not taken apart now: PJSIP still uses it."""
        if self._all.get(call.handle) is call:  # another attempt may have the same handle
            del self._all[call.handle]
        self._over.append(call)

    def tidy(self) -> None:
        """Take apart what is over, where that does not end another call. Never from within a report of PJSIP's."""
        if self._over:
            taken = {call.getId() for call in self._all.values()}
            self._over = [call for call in self._over if call.getId() in taken]

    def clear(self) -> None:
        """Take all of them apart."""
        self._all.clear()
        self._over.clear()

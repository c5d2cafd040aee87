"""Which of PJSIP's objects may be taken apart. The calls are stand-ins, with a number each."""

from typing import Any

import pytest

pytest.importorskip("pjsua2", reason="there is no wheel of PJSIP for this Python")

from offhook.carriers.pjsua2.live_calls import LiveCalls


class Numbered:
    """Notes when it is taken apart."""

    def __init__(self, handle: str, number: int, gone: list[str]) -> None:
        self.handle = handle
        self._number = number
        self._gone = gone

    def getId(self) -> int:
        return self._number

    def __del__(self) -> None:
        self._gone.append(self.handle)


def added(calls: LiveCalls, handle: str, number: int, gone: list[str]) -> Any:
    call: Any = Numbered(handle, number, gone)
    calls.add(call)
    return call


def test_what_is_over_goes_when_nobody_has_its_number() -> None:
    calls, gone = LiveCalls(), list[str]()
    first = added(calls, "first", 3, gone)
    calls.over(first)
    second = added(calls, "second", 3, gone)
    del first
    calls.tidy()
    assert not gone
    assert calls.numbered(3) == second
    calls.over(second)
    del second
    assert not gone  # within PJSIP's report nothing goes
    calls.tidy()
    assert sorted(gone) == ["first", "second"]
    assert not len(calls)


def test_a_handle_may_be_another_call_s_by_now() -> None:
    calls, gone = LiveCalls(), list[str]()
    before = added(calls, "out", 1, gone)
    after = added(calls, "out", 2, gone)
    calls.over(before)
    assert calls.get("out") is after
    assert list(calls) == [after]


def test_a_call_without_a_number_is_not_found_by_it() -> None:
    calls, gone = LiveCalls(), list[str]()
    added(calls, "out", -1, gone)
    assert calls.numbered(-1) is None

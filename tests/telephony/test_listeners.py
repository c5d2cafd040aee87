"""Listeners of a line know nothing of each other."""

from collections.abc import Callable

import pytest

from offhook.telephony.listeners import LineListeners


@pytest.mark.parametrize("first_goes", [True, False])
def test_each_gets_all_whatever_the_others_do(first_goes: bool) -> None:
    listeners, first, second = LineListeners(), list[int](), list[int]()
    removers = [
        listeners.add(audio=lambda pcm, at, at_s: first.append(at)),
        listeners.add(audio=lambda pcm, at, at_s: second.append(at), drained=lambda: second.append(-1)),
    ]
    for handler in listeners.audio:
        handler(b"", 1, 0.0)
    removers[0 if first_goes else 1]()
    for handler in listeners.audio:
        handler(b"", 2, 0.0)
    assert (first, second) == (([1], [1, 2]) if first_goes else ([1, 2], [1]))
    assert bool(listeners.drained) is first_goes


def test_one_that_leaves_while_it_is_called_disturbs_nobody() -> None:
    listeners, reported = LineListeners(), list[str]()

    def leave() -> None:
        reported.append("first")
        remove()

    remove = listeners.add(drained=leave)
    listeners.add(drained=lambda: reported.append("second"))
    for handler in listeners.drained:
        handler()
    remove()
    assert reported == ["first", "second"] and len(listeners.drained) == 1


def test_the_same_handler_of_two_kinds() -> None:
    listeners, reported = LineListeners(), list[int]()
    remove = listeners.add(drained=lambda: reported.append(1), silent=lambda: reported.append(2))
    remove()
    assert not listeners.drained and not listeners.silent
    listeners.add(dtmf=lambda digit, at: reported.append(at), sent=lambda payload, ordinal, at_s: None)
    listeners.clear()
    assert not listeners.dtmf and not listeners.sent


def test_a_shielded_line_tells_its_listeners_nothing() -> None:
    listeners, heard, keys = LineListeners(), list[object](), list[str]()

    def add() -> Callable[[], None]:
        return listeners.add(
            audio=lambda pcm, at, at_s: heard.append((pcm, at, at_s)),
            dtmf=lambda digit, at: heard.append(digit),
            text=heard.append,
        )

    def happen() -> None:
        for on_audio in listeners.audio:
            on_audio(b"\x01\x02", 7, 0.5)
        for on_dtmf in listeners.dtmf:
            on_dtmf("4", 7)
        for on_text in listeners.text:
            on_text("four")

    add()
    listeners.shield(lambda digit, at: keys.append(digit))
    remove = add()  # a late one, too
    happen()
    assert (heard, keys) == ([(b"\0\0", 7, 0.5)] * 2, ["4"])
    heard.clear()
    remove()
    listeners.shield(None)
    happen()
    assert (heard, keys) == ([(b"\x01\x02", 7, 0.5), "4", "four"], ["4"])
    listeners.shield(lambda digit, at: keys.append(digit))
    listeners.clear()
    happen()
    assert len(heard) == 3 and keys == ["4"]

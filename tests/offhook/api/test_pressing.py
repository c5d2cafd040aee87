"""Keys for the far end, with pauses among them."""

import asyncio
from collections.abc import Awaitable
from typing import cast

from offhook.api.call import Call
from offhook.api.pressing import KEY_S, press
from offhook.testing import run
from offhook.usererror import UserError


class Line:
    """What is needed of a call: notes what is pressed when. `refuses` keys from so many on."""

    def __init__(self, refuses: int = 10) -> None:
        self._left = refuses
        self.pressed: list[tuple[float, str]] = []

    def send_dtmf(self, digits: str) -> None:
        if not self._left:
            raise UserError("this line cannot send keys", "its protocol has none", "have the call come over SIP")
        self._left -= 1
        self.pressed.append((round(asyncio.get_running_loop().time(), 3), digits))

    async def until_ended(self, work: Awaitable[None]) -> None:
        await work


def pressed(keys: str, line: Line) -> str:
    async def call() -> str:
        return await press(cast(Call, line), keys, {"w": 0.5, "W": 1.0})

    return run(call())


def test_keys_and_pauses_take_their_time() -> None:
    line = Line()
    assert pressed("w12WwA", line) == ""
    (first, begin), (then, end) = line.pressed
    assert (begin, end) == ("12", "A") and round(then - first, 3) == 2 * KEY_S + 1.5


def test_a_line_without_keys_ends_it() -> None:
    line = Line(refuses=1)
    assert pressed("1w2w3", line) == "its protocol has none"
    assert [keys for _, keys in line.pressed] == ["1"]

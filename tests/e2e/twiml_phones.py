"""The phones of the TwiML cases: callers who read what they hear, and the agents that they are connected to."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from offhook.sip.commands import Answer, Bye, Reject, Ring
from offhook.sip.errors import LocalError
from offhook.sip.events import Event, IncomingCall
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.sdp.negotiate import LocalMedia, answer_offer
from offhook.testing.sip_caller import Caller
from tests.e2e.spelled import Reader, spelled
from tests.ports import own_port

HOST = "127.0.0.1"
KEY_S = 0.2
NO_ANSWER = "ben"
LATE_ANSWER = "carl"
RINGS_S = 4.0
"""How long it takes them."""

RINGING = 180
LATE_S = 60.0


class Ear:
    """What a caller hears; `text` is what of it could be read."""

    def __init__(self, caller: Caller) -> None:
        self.keys = ""
        self._reader = Reader()
        self._at = 0
        self._more = asyncio.Event()
        caller.line.add_listener(audio=self._on_audio, dtmf=self._on_key)

    @property
    def text(self) -> str:
        """All so far."""
        return self._reader.text

    async def hears(self, words: str) -> None:
        """Until these words have been said, and what follows them up to a silence; to the dot, where they have one."""
        is_whole = words.endswith(".")

        def are_said() -> bool:
            return self._end_of(words) > 0 and (is_whole or not self._reader.is_within)

        await self._until(are_said)
        self._at = self._end_of(words) if is_whole else len(self.text)

    def _end_of(self, words: str) -> int:
        """Where these words end, of what has been said since the last ones; 0: nowhere."""
        found = self.text.lower().find(words.lower(), self._at)
        return 0 if found < 0 else found + len(words)

    async def begins(self, words: str) -> None:
        """Until a sentence begins with the first of these letters."""
        await self._until(lambda: self._reader.is_within and _last(self.text)[:1] == words[:1])

    async def _until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(LATE_S):
            while not is_so():
                self._more.clear()
                await self._more.wait()

    def _on_audio(self, pcm: bytes, _at_tick: int, _at_s: float) -> None:
        self._reader.push(pcm)
        self._more.set()

    def _on_key(self, key: str, _at_tick: int) -> None:
        self.keys += key


def _last(text: str) -> str:
    return text.rstrip(" ").rpartition("  ")[2].lstrip("♪ ")


async def act(caller: Caller, ear: Ear, line: str) -> None:
    """One line of `Case.caller`."""
    action, _, rest = line.partition(" ")
    match action:
        case "hears":
            await ear.hears(rest)
        case "begins":
            await ear.begins(rest)
        case "says":
            await caller.say(spelled(rest))
        case "presses":
            for key in rest:
                caller.press(key)
                await asyncio.sleep(KEY_S)
        case "waits":
            await asyncio.sleep(float(rest))
        case "hangs":
            caller.hang_up()
        case _:
            raise ValueError(line)


class Agents:
    """Answers at one address: a number that ends in a SIP status of 400 and more is answered with that, NO_ANSWER and
    one that ends in 180 ring, and all others talk for `talk_s`, LATE_ANSWER after RINGS_S. `asked` are the users that
    were called, in their order."""

    def __init__(self, talk_s: float) -> None:
        self.asked: list[str] = []
        self._talk_s = talk_s
        self._tasks: set[asyncio.Task[None]] = set()
        self._endpoint: Endpoint

    @classmethod
    async def open(cls, port: int, talk_s: float) -> "Agents":
        """At a port of this machine."""
        self = cls(talk_s)
        self._endpoint = await Endpoint.open(HOST, port, self._on_event)
        return self

    def close(self) -> None:
        """End what goes on."""
        for task in self._tasks:
            task.cancel()
        self._endpoint.close()

    def _on_event(self, event: Event) -> None:
        if not isinstance(event, IncomingCall):
            return
        user = event.request_uri.partition(":")[2].partition("@")[0]
        self.asked.append(user)
        status = int(user[-3:]) if user[-3:].isdigit() else 0
        if 400 <= status < 700:
            self._endpoint.do(Reject(event.call, status))
        elif user == NO_ANSWER or status == RINGING:
            self._endpoint.do(Ring(event.call))
        else:
            self._endpoint.do(Ring(event.call))
            task = asyncio.get_running_loop().create_task(self._talk(event, RINGS_S if user == LATE_ANSWER else 0.0))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _talk(self, call: IncomingCall, rings_s: float) -> None:
        """Answer, send nothing, and hang up."""
        await asyncio.sleep(rings_s)
        assert call.sdp is not None, "the bot makes offers"
        answer, _ = answer_offer(call.sdp, LocalMedia(HOST, own_port(), 1, 1))
        self._endpoint.do(Answer(call.call, answer))
        await asyncio.sleep(self._talk_s)
        with suppress(LocalError):  # it is over
            self._endpoint.do(Bye(call.call))

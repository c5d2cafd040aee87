"""The sessions of one call, one after the other: they are opened, renewed, lost, and opened again."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from time import monotonic

from offhook.api.call import Call
from offhook.api.turns import Said
from offhook.llm.model import ToolSpec
from offhook.pipeline.errors import EngineError
from offhook.realtime.audio_port import AudioPort
from offhook.realtime.link import Link, Receiver
from offhook.realtime.replies import Reply
from offhook.realtime.speech import Speech
from offhook.vendors.errors import VendorRefusedError

MAX_FAILURES = 3  # in a row, until the call is given up
RETRY_S = 0.25


class Sessions:
    """`tools` are what the model may call."""

    def __init__(self, call: Call, speech: Speech, tools: tuple[ToolSpec, ...]) -> None:
        self.link: Link | None = None
        """The latest, ready or not."""
        self.is_ready = False
        self.opened_at = 0.0
        """When the opening of the latest began."""
        self._call = call
        self._audio = call.audio
        self._speech = speech
        self._tools = tools
        self.port = AudioPort(self._audio, speech.audio)
        """Of the latest: its conversions go on from packet to packet."""
        self._handle = ""
        self._failures = 0
        self._retry: asyncio.TimerHandle | None = None

    @property
    def live(self) -> Link | None:
        """The session, if it is ready."""
        return self.link if self.is_ready else None

    def open(self, receiver: Receiver, to_come: tuple[Said, ...] = ()) -> None:
        """Open one, with the conversation so far, and `to_come`, which the caller is about to hear. It reports to
        `receiver`."""
        self.is_ready, self.opened_at = False, monotonic()
        self.port = AudioPort(self._audio, self._speech.audio)
        setup = self._speech.setup
        setup = replace(
            setup,
            tools=self._tools,
            language=setup.language or self._call.language,
            history=(*self._call.history, *to_come),
            handle=self._handle,
        )
        self.link = self._speech.open(setup, self.port, receiver)

    def ready(self) -> None:
        """It is."""
        self.is_ready = True

    def lost(self) -> None:
        """It is gone. A handle that the vendor does not take is not tried twice."""
        self._handle = self.link.handle if self.is_ready and self.link is not None else ""
        self.link = None

    def renew(self, receiver: Receiver) -> None:
        """Go on in another one."""
        if self.link is not None:
            link, self.link = self.link, None
            self._handle = link.handle
            link.close()
            self.open(receiver)

    def played(self, reply: Reply, played_ms: int | None, received_ms: int, text: str) -> None:
        """See OnPlayed."""
        if self.link is not None and not reply.lost:
            self.link.played(reply.item, played_ms, received_ms, text)

    @property
    def is_old(self) -> bool:
        """Whether it is at rest, and should be renewed before the vendor ends it."""
        return self.link is not None and not self.link.replying and self.link.age_s > self._speech.max_session_s

    def failed(self, error: EngineError) -> bool:
        """Count a failure; False: it was one too many."""
        self._failures = MAX_FAILURES if isinstance(error, VendorRefusedError) else self._failures + 1
        return self._failures < MAX_FAILURES

    def later(self, then: Callable[[], None]) -> None:
        """Call `then` when it may work again."""
        delay_s = 0.0 if self._failures == 1 else RETRY_S * 2**self._failures
        self._retry = asyncio.get_running_loop().call_later(delay_s, then)

    def answered(self) -> None:
        """The model works."""
        self._failures = 0

    def close(self) -> None:
        """The call is over."""
        link, self.link = self.link, None
        if link is not None:
            link.close()
        if self._retry is not None:
            self._retry.cancel()

"""What all waits of a call have in common: music, keys, and news for its dialog."""

from typing import Protocol

from offhook.calls.conversation import Conversation
from offhook.calls.hold_music import HoldMusic
from offhook.calls.news_box import NewsBox
from offhook.pipeline.tts.recording import Recording
from offhook.queues.messages import ToOwner
from offhook.queues.port import Key, News

MAX_NEWS = 100
"""Keys that nobody has taken: further ones are dropped."""


class WaitingCall(Protocol):
    """The call that waits."""

    handle: str

    @property
    def conversation(self) -> Conversation:
        """What is said in it."""

    def do(self, command: ToOwner) -> None:
        """Tell the owner of the queues."""


class SipWait:
    """See WaitPort."""

    def __init__(self, call: WaitingCall) -> None:
        self._conversation = call.conversation
        self._news = NewsBox()
        self._music: HoldMusic | None = None
        self._at_tick = 0
        self._suspended = False
        self._talking = ""
        """To this one; empty: to nobody yet."""
        line = call.conversation.line
        self._unlisten = line.add_listener(dtmf=self._on_key) if line is not None else None
        self.is_open = False
        """Whether it waits, or talks to somebody."""

    async def next(self, timeout_s: float | None) -> News | None:
        """See WaitPort."""
        return await self._news.next(timeout_s)

    def play(self, music: Recording) -> None:
        """See WaitPort."""
        line = self._conversation.line
        if self._music is None and line is not None and not self._talking:
            self._suspend(True)
            self._music = HoldMusic(line, music, self._at_tick)

    def quiet(self) -> None:
        """See WaitPort."""
        self._stop_music()
        if not self._talking:
            self._suspend(False)

    def tell(self, news: News) -> None:
        """Have it as news; keys beyond a limit are dropped."""
        if len(self._news) < MAX_NEWS or not isinstance(news, Key):
            self._news.put(news)

    # --- for those who wait

    def _stop_listening(self) -> None:
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None

    def _talks_to(self, who: str) -> None:
        """Who the call is about to be connected to."""
        self._talking = who
        self._stop_music()
        self._suspend(True)

    def _stop_music(self) -> None:
        if self._music is not None:
            self._at_tick = self._music.stop()
            self._music = None

    # --- inside

    def _on_key(self, key: str, _at_tick: int) -> None:
        if not self._talking:
            self.tell(Key(key))

    def _suspend(self, suspended: bool) -> None:
        if suspended is not self._suspended:
            self._suspended = suspended
            self._conversation.suspend(suspended)

"""The lines of PJSIP's calls: connected as their media begins and changes, and polled all at once."""

from collections.abc import Callable
from time import monotonic
from typing import Any

import pjsua2 as pj
import structlog

from offhook.carriers.pjsua2 import setup, streams
from offhook.carriers.pjsua2.line import FrameLine, FrameStats
from offhook.carriers.pjsua2.live_calls import LiveCalls
from offhook.carriers.pjsua2.messages import key_of
from offhook.carriers.pjsua2.objects import PjCall
from offhook.settings.config import Config

MEASURED_S = 1.0
_DECLINED = (pj.PJSUA_CALL_MEDIA_NONE, pj.PJSUA_CALL_MEDIA_ERROR)
log = structlog.get_logger("offhook.pjsip")


class CallLines:
    """By the handles of `calls`. `on_failed(handle)` ends one whose line fails."""

    def __init__(self, config: Config, calls: LiveCalls, on_failed: Callable[[str], None]) -> None:
        self.frames: Any = None
        """Exchanges their audio with PJSIP; there from its start on."""
        self._config = config
        self._calls = calls
        self._on_failed = on_failed
        self._lines: dict[str, FrameLine] = {}
        self._measured_at = 0.0
        self._given = 0  # frames, when the lines were polled

    def __len__(self) -> int:
        return len(self._lines)

    def close(self) -> None:
        """Close all."""
        for line in tuple(self._lines.values()):
            line.close()

    def line(self, handle: str) -> FrameLine:
        """The line of a call, which is connected when PJSIP has negotiated its media. Raises OSError."""
        rtp, rate_hz = self._config.rtp, setup.rate_hz(self._config)
        line = self._lines[handle] = FrameLine(
            self.frames.FramePort(rate_hz),
            handle,
            rate_hz=rate_hz,
            dial=self._dial,
            measure=self._measure,
            media_timeout_s=rtp.media_timeout_s,
            first_media_timeout_s=rtp.first_media_timeout_s,
        )
        line.on_closed = self._closed
        return line

    def hand_over(self, before: str, after: str) -> None:
        """Give a call the line of another one, whose place it takes."""
        line = self._lines[after] = self._lines.pop(before)
        line.call = after
        if (call := self._calls.get(after)) is not None:
            self.on_media(call)

    def on_media(self, call: PjCall) -> None:
        """A call's media has begun, changed or stopped."""
        streams.described_anew(self.frames, call)
        if (line := self._lines.get(call.handle)) is None:
            return
        info = call.getInfo()  # kept: its media would go with it
        audio = _audio_of(info)
        if audio is not None:
            call.audio = int(audio.index)  # on hold, too: music may come
        if audio is not None and audio.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
            events = call.getStreamInfo(int(audio.index)).audTxEventPt >= 0
            encrypted = streams.is_encrypted(call, int(audio.index))
            line.connect(int(audio.audioConfSlot), events=events, encrypted=encrypted)
        else:
            line.connect(None)
        held = audio is not None and audio.status in (pj.PJSUA_CALL_MEDIA_REMOTE_HOLD, pj.PJSUA_CALL_MEDIA_LOCAL_HOLD)
        line.hold(held)

    def on_stream(self, call: PjCall, stream: int) -> None:
        """A call's media is about to begin, as the stream at that address."""
        streams.begun(self.frames, call, stream)

    def on_confirmed(self, call: PjCall) -> None:
        """The far end is where it says that it is."""
        streams.confirmed(self.frames, call)

    def on_media_over(self, call: PjCall) -> None:
        """A call's media is about to stop: its figures go with it."""
        call.silent = None
        if (line := self._lines.get(call.handle)) is not None:
            line.measure()

    def on_key(self, call: PjCall, what: Any) -> None:
        """A key has come."""
        if (line := self._lines.get(call.handle)) is not None:
            line.receive_event(*key_of(pj, what))

    def poll(self) -> None:
        """Collect what has come. All lines have the same clock: between its ticks there is nothing."""
        if (given := self.frames.given()) != self._given:
            self._given = given
            self._poll_all(monotonic())

    def _poll_all(self, now: float) -> None:
        measures = now - self._measured_at >= MEASURED_S
        if measures:
            self._measured_at = now
        for handle, line in tuple(self._lines.items()):
            try:
                line.poll(now)
                if measures or self._is_silent(handle):
                    line.measure(now)
            except Exception:
                log.exception("a line failed, and its call ends", line=handle)
                self._on_failed(handle)  # first: with the call there, what has failed may fail again
                line.close()

    def _closed(self, line: FrameLine) -> None:
        if self._lines.get(line.call) is line:  # another attempt may have the same handle
            del self._lines[line.call]

    def _dial(self, handle: str, digits: str) -> None:
        if (call := self._calls.get(handle)) is not None and not call.released:
            try:
                call.dialDtmf(digits)
            except pj.Error as error:
                log.warning("keys were not sent", why=error.reason)

    def _measure(self, handle: str) -> FrameStats | None:
        call = self._calls.get(handle)
        return None if call is None else streams.measured(self.frames, call, ice=self._config.sip.ice)

    def _is_silent(self, handle: str) -> bool:
        """Whether audio goes out with the first packet that comes."""
        call = self._calls.get(handle)
        return call is not None and call.silent is not None


def _audio_of(info: Any) -> Any:
    """The audio that is in use: an offer may have several, as once with SRTP and once without, and PJSIP declines all
    but one. None: there is none."""
    kinds = (media for media in info.media if media.type == pj.PJMEDIA_TYPE_AUDIO)
    return next((media for media in kinds if media.status not in _DECLINED), None)

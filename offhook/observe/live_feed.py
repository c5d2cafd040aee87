"""The calls' side of the live view: keeps each call's events, and publishes them while somebody watches.

Unwatched calls only keep their events: nothing is described, measured or sent. `LiveFeed.publish` passes events to the
page, in this process or another.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from time import monotonic

from offhook.observe.live_events import LiveEvent, describe
from offhook.pipeline.trace import CallerPartial, ModelWrote, SessionEvent
from offhook.telephony.codec import LINEAR16, codec_named
from offhook.telephony.line import MediaLine
from offhook.telephony.pcm import audioop

MAX_KEPT_EVENTS = 2_000
"""Per call: half an hour of brisk talk. Older events are dropped."""
LEVEL_S = 0.05
SLOT_SAMPLES = 400
LEVELS_AT_ONCE = 2
LATE_SLOTS = 2
"""How many slots late audio may still be reported."""
FULL_SCALE = 255

Publish = Callable[[str, LiveEvent], None]
"""(the call's id, event). Must not block."""


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call's parties: `call_id` is the carrier's name for the call, `started` wall time (ISO 8601)."""

    caller: str
    called: str
    call_id: str
    transport: str
    started: str


class LiveFeed:
    """All calls of this process. Use it on the event loop's thread only."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._calls: dict[str, CallWatch] = {}
        self._watched: frozenset[str] | None = None
        self._unreported: deque[CallWatch] = deque()

    def begin(self, uniqueid: str, about: LiveCall, began: float) -> "CallWatch":
        """Add a call that began at `began` (monotonic seconds); end it with `CallWatch.end`."""
        call = self._calls[uniqueid] = CallWatch(self, uniqueid, about, began)
        if self._watched is not None:
            call.watch(uniqueid in self._watched, self._publish)
        return call

    def watch(self, details_of: frozenset[str] | None) -> None:
        """Publish every call, with details (audio levels) of the calls `details_of`; None: publish nothing. The first
        viewer gets all calls from their beginning, one at a time, so as not to block the loop.
        """
        before, self._watched = self._watched, details_of
        for uniqueid, call in self._calls.items():
            if details_of is None:
                call.unwatch()
            else:
                call.show_details(uniqueid in details_of)
        if before is None:
            self._unreported = deque(self._calls.values())
            self._report_next()

    def forget(self, uniqueid: str) -> None:
        """The call has ended."""
        call = self._calls.pop(uniqueid, None)
        if call is not None and call in self._unreported:
            self._unreported.remove(call)

    def _report_next(self) -> None:
        if self._watched is not None and self._unreported:
            call = self._unreported.popleft()
            call.watch(call.detailed, self._publish)
            asyncio.get_running_loop().call_soon(self._report_next)


class CallWatch:
    """One call: made by `LiveFeed.begin`."""

    def __init__(self, feed: LiveFeed, uniqueid: str, about: LiveCall, began: float) -> None:
        self._feed = feed
        self._uniqueid = uniqueid
        self._about = about
        self._began = began
        self._kept: deque[SessionEvent | LiveEvent] = deque(maxlen=MAX_KEPT_EVENTS)
        self._publish: Publish | None = None
        self._line: MediaLine | None = None
        self._stop_meter: Callable[[], None] | None = None
        self.detailed = False

    def watch(self, detailed: bool, publish: Publish) -> None:
        """Report the call so far, and from now on."""
        self._publish = publish
        self.show_details(detailed)
        begun: LiveEvent = {"kind": "begun", "at": 0.0, "age_s": self._now(), **asdict(self._about)}
        publish(self._uniqueid, begun | {"so_far": self.timeline()})

    def unwatch(self) -> None:
        """Stop reporting."""
        self.show_details(False)
        self._publish = None

    def show_details(self, detailed: bool) -> None:
        """Whether the call's audio levels are measured, too."""
        self.detailed = detailed
        if detailed and self._stop_meter is None and self._line is not None:
            meter = LevelMeter(self, self._line.encoding, self._line.rate_hz, self._line.bytes_per_tick)
            self._stop_meter = self._line.add_listener(audio=meter.on_audio, sent=meter.on_sent)
        elif not detailed and self._stop_meter is not None:
            self._stop_meter()
            self._stop_meter = None

    def on_event(self, event: SessionEvent) -> None:
        """Take in an event of the session."""
        if not isinstance(event, CallerPartial | ModelWrote):
            self._kept.append(event)
        elif not self.detailed:
            return
        if self._publish is not None:
            self._publish(self._uniqueid, describe(event, self._began))

    def report(self, kind: str, **content: str | float | bool) -> None:
        """Take in an event from outside the session: "answered", "ended"."""
        event: LiveEvent = {"kind": kind, "at": self._now()} | content
        self._kept.append(event)
        if self._publish is not None:
            self._publish(self._uniqueid, event)

    def end(self, by: str, reason: str) -> list[LiveEvent]:
        """The call is over. Returns its timeline."""
        self.report("ended", by=by, reason=reason)
        self._line = self._stop_meter = None  # the line is closed, and its listeners with it
        self._feed.forget(self._uniqueid)
        return self.timeline()

    def timeline(self) -> list[LiveEvent]:
        """The events so far as JSON objects, without momentary ones."""
        return [event if isinstance(event, dict) else describe(event, self._began) for event in self._kept]

    def attach(self, line: MediaLine) -> None:
        """Set the line whose levels are measured on demand."""
        self._line = line
        self.show_details(self.detailed)

    def levels(self, first: int, caller: list[int], bot: list[int]) -> None:
        """Publish the peaks (0 to 255) of both sides, one for each 50 ms slot from `first` on, counted from the call's
        start."""
        if self._publish is not None:
            at = round(first * LEVEL_S, 3)
            self._publish(self._uniqueid, {"kind": "levels", "at": at, "caller": caller, "bot": bot})

    def slot(self, at_s: float) -> int:
        """The 50 ms slot of a time in monotonic seconds."""
        return int((at_s - self._began) / LEVEL_S)

    def _now(self) -> float:
        return round(monotonic() - self._began, 3)


class LevelMeter:
    """Measures peaks on a line, by the time the audio was on the line, even if it is reported later."""

    def __init__(self, watch: CallWatch, encoding: str, rate_hz: int, bytes_per_tick: int) -> None:
        self._watch = watch
        self._rate_hz = rate_hz
        self._bytes_per_tick = bytes_per_tick
        self._magnitudes = peaks_of(encoding)
        self._caller: dict[int, int] = {}  # by slot, measured but not yet reported
        self._bot: dict[int, int] = {}  # audio sent ahead is played in later slots
        self._next = 0  # the first slot not yet reported or skipped
        self._pending: list[tuple[int, int]] = []  # earlier slots that wait to be sent together

    def on_audio(self, pcm: bytes, at_tick: int, at_s: float) -> None:
        """Measure the caller's audio."""
        if pcm:
            size_bytes = 2 * self._rate_hz
            levels = [
                min(FULL_SCALE, audioop.max(piece, 2) >> 7) for piece in _pieces(pcm, round(size_bytes * LEVEL_S))
            ]
            self._note(self._caller, at_s - len(pcm) / size_bytes, levels)

    def on_sent(self, payload: bytes, ordinal: int, at_s: float) -> None:
        """Measure the bot's audio."""
        if payload:
            pieces = _pieces(payload, SLOT_SAMPLES * self._bytes_per_tick)
            self._note(self._bot, at_s, [self._magnitudes(piece) for piece in pieces])

    def _note(self, peaks: dict[int, int], began_s: float, levels: list[int]) -> None:
        began = self._watch.slot(began_s)
        for slot, level in enumerate(levels, began):
            if slot >= self._next:
                peaks[slot] = max(level, peaks.get(slot, 0))
        # Earlier audio may be reported a little later.
        while self._next < began - LATE_SLOTS:
            self._report_slot(began)

    def _report_slot(self, now: int) -> None:
        """Finish the next slot."""
        slot = self._next
        passed = slot in self._caller or slot in self._bot
        if passed:
            self._pending.append((self._caller.pop(slot, 0), self._bot.pop(slot, 0)))
            self._next = slot + 1
        else:
            # A slot without audio ends the run of measured ones.
            self._next = min([now - LATE_SLOTS, *self._caller, *self._bot])
        if self._pending and (not passed or len(self._pending) == LEVELS_AT_ONCE):
            first = slot + passed - len(self._pending)
            self._watch.levels(first, [caller for caller, _ in self._pending], [bot for _, bot in self._pending])
            self._pending.clear()


def _pieces(audio: bytes, size_bytes: int) -> list[bytes]:
    return [audio[at : at + size_bytes] for at in range(0, len(audio), size_bytes)]


def peaks_of(encoding: str) -> Callable[[bytes], int]:
    """The greatest magnitude in a payload, 0 to 255."""
    if encoding == LINEAR16.name:
        return lambda payload: min(FULL_SCALE, audioop.max(payload, 2) >> 7)
    table = peak_table(encoding)
    return lambda payload: max(payload.translate(table))


def peak_table(encoding: str) -> bytes:
    """For `bytes.translate`: maps each byte of a G.711 payload to its magnitude, 0 to 255."""
    pcm = codec_named(encoding).decode(bytes(range(256)))
    values: Iterable[int] = memoryview(pcm).cast("h")
    return bytes(min(FULL_SCALE, abs(value) >> 7) for value in values)

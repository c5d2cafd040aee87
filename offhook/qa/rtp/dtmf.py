"""The telephone-event packets of one stream (RFC 4733): keys as a careful receiver has them, and what a careless one
may make of them. Pure."""

from dataclasses import dataclass, field

from offhook.telephony.rtp.dtmf_receiver import Digit, DtmfReceiver
from offhook.telephony.wire.serial import delta32
from offhook.telephony.wire.telephone_event import DIGITS, MAX_DURATION, TelephoneEvent

MAX_PRESSES = 500
TOO_SOON_S = 0.04
"""Nobody presses a key again so soon after releasing it, and no receiver has to tell two apart (ITU-T Q.24)."""
_SEGMENT_STEP = MAX_DURATION - 1_600


@dataclass(slots=True)
class Press:
    """One key as it was sent: `ends` counts packets with the end bit, of three that there should be."""

    key: str
    began_s: float
    last_s: float
    timestamp: int
    duration: int = 0
    packets: int = 0
    ends: int = 0
    timestamps: int = 1
    """How many it had: all its packets should have the one of its beginning (§2.5.1.2)."""
    latest: int = -1


@dataclass(slots=True)
class DtmfEvents:
    """The keys of one stream, the first 500. `digits` are those of offhook's own receiver, `presses` what was on the
    wire."""

    digits: list[Digit] = field(default_factory=list)
    presses: list[Press] = field(default_factory=list)
    events: int = 0
    _receiver: DtmfReceiver = field(default_factory=lambda: DtmfReceiver(digits_per_s=1_000))

    def receive(self, ssrc: int, timestamp: int, event: TelephoneEvent, at_s: float, *, marker: bool) -> None:
        """One event packet."""
        self.events += 1
        digits = self._receiver.handle_timer(at_s)
        digits += self._receiver.receive(ssrc, timestamp, event, at_s, marker=marker)
        if len(self.digits) < MAX_PRESSES:
            self.digits += digits
        if event.event >= len(DIGITS):
            return
        press = self._of(timestamp, event, marker=marker)
        if press is None:
            if len(self.presses) >= MAX_PRESSES:
                return
            press = Press(DIGITS[event.event], at_s, at_s, timestamp)
            self.presses.append(press)
        press.last_s = at_s
        press.packets += 1
        press.ends += event.end
        press.duration = max(press.duration, event.duration)

    def finish(self, at_s: float) -> None:
        """Nothing more comes."""
        self.digits += self._receiver.handle_timer(at_s + 1)

    def _of(self, timestamp: int, event: TelephoneEvent, *, marker: bool) -> Press | None:
        """The press to which a packet belongs; None: it begins one."""
        key = DIGITS[event.event]
        for press in self.presses[-4:]:
            if press.key == key and timestamp in (press.timestamp, press.latest):
                return press
        last = self.presses[-1] if self.presses else None
        if last is None or last.key != key or last.ends or marker:
            return None
        step = delta32(timestamp, last.timestamp)
        if _SEGMENT_STEP <= step <= MAX_DURATION + 1:
            last.timestamp = last.latest = timestamp  # §2.5.1.3: it goes on in a further segment
            return last
        if 0 < step <= last.duration:
            last.timestamps += 1
            last.latest = timestamp
            return last
        return None

    @property
    def unended(self) -> list[Press]:
        """Keys of which no end came."""
        return [each for each in self.presses if not each.ends]

    @property
    def doubled(self) -> list[Press]:
        """Keys that came again at once, so that they count twice."""
        return [
            later
            for earlier, later in zip(self.presses, self.presses[1:], strict=False)
            if earlier.key == later.key and later.began_s - earlier.last_s < TOO_SOON_S
        ]

    @property
    def moving(self) -> list[Press]:
        """Keys whose timestamp moved on while they were held: careless receivers count each packet as a key."""
        return [each for each in self.presses if each.timestamps > 1]

"""Calls that last, and are refreshed all the time: python -m bench.refreshed_calls [--minutes 30] [--expires-s 90]

Four calls at once between the bot and SIPp, two in each direction, with a session interval of 90 s (RFC 4028): in one
of each two the bot refreshes, in the other one SIPp, by UPDATE and by re-INVITE. Both ends send media; SIPp's says a
sentence every eight seconds, which the bot has to hear. "apart" is the longest time between two packets of the bot's
that belong 20 ms apart, "late" how much later than the quickest the slowest of them came. The bot has the first core,
the others have the last.

Exits with 1 where a call ended before its time, was refreshed too late or too often, lost a packet in either direction,
had packets more than 60 ms apart, or a sentence of the caller was not heard. The report goes to
reports/refreshed_calls.json.
"""

import argparse
import json
import os
import sqlite3
import struct
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Collection, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

from bench.refreshed_scenarios import CALLS, RefreshedCall
from bench.runs import ASSETS, BENCH, REPORTS, Bot, Run, last_core, save
from bench.witness import Witnesses
from offhook.telephony.codec import codec_named
from offhook.testing.sip_caller import read_recording
from tests.e2e.peers import HOST, Outcome, Sipp
from tests.e2e.phone import RtpPeer

TOKEN = "a-token-of-the-bench"
SAYS_EVERY_S = 8.0
QUIET_AT_THE_END_S = 10.0
PACKET_MS = 20
MOST_APART_MS = 60.0
LATE_REFRESH_S = 5.0
"""After half of the interval; SIPp's own may be a while late on a busy machine, too."""
SLACK_S = 60


@dataclass
class Stream:
    """What RTP has come, of 8 kHz."""

    packets: int = 0
    lost: int = 0
    sources: set[int] = field(default_factory=set)
    """Their SSRCs."""
    apart_ms: float = 0.0
    slowest_s: float = 0.0
    quickest_s: float = 0.0
    """Against the first packet."""
    _last: tuple[float, int, int] | None = None
    _first_at: float = 0.0
    _ticks: int = 0

    def add(self, at: float, packet: bytes) -> None:
        """One packet, at the time when it came, in monotonic seconds."""
        number, timestamp, source = struct.unpack("!HII", packet[2:12])
        self.packets += 1
        self.sources.add(source)
        if self._last is None:
            self._first_at = at
        else:
            last_at, last_number, last_timestamp = self._last
            steps, ticks = (number - last_number) & 0xFFFF, (timestamp - last_timestamp) & 0xFFFFFFFF
            if steps == 0 or steps >= 1 << 15:
                return  # once more, or late
            self.lost += steps - 1
            self._ticks += ticks
            if (steps, ticks) == (1, 8 * PACKET_MS):
                self.apart_ms = max(self.apart_ms, 1_000 * (at - last_at))
            delay_s = at - self._first_at - self._ticks / 8_000
            self.slowest_s, self.quickest_s = max(self.slowest_s, delay_s), min(self.quickest_s, delay_s)
        self._last = at, number, timestamp

    @property
    def late_ms(self) -> float:
        """The slowest against the quickest."""
        return 1_000 * (self.slowest_s - self.quickest_s)


class Media(RtpPeer):
    """Talks back to where the first packet comes from; `said` counts the sentences."""

    def __init__(self) -> None:
        self.stream = Stream()
        self.said = 0
        super().__init__()

    def arrived(self, at: float, data: bytes, source: tuple[str, int]) -> None:
        """See RtpPeer."""
        super().arrived(at, data, source)
        self.target = self.target or source
        self.stream.add(at, data)


@dataclass(frozen=True)
class Result:
    """Of one call. Times in seconds, unless they say otherwise."""

    name: str
    wanted: int
    """So many refreshes, after half of `expires_s` each."""
    expires_s: int
    refreshed_at: list[float]
    """Each refresh, from the beginning of the call on."""
    lasted_s: float
    end_reason: str
    said: int
    heard: int
    """Of the caller's sentences."""
    packets: int
    lost: int
    sources: int
    apart_ms: float
    late_ms: float
    packets_there: int
    """That came to the bot."""
    lost_there: int

    def faults(self) -> list[str]:
        """What is wrong with it; empty if nothing is."""
        half_s, wrong = self.expires_s / 2, list[str]()
        if len(self.refreshed_at) != self.wanted:
            wrong.append(f"{len(self.refreshed_at)} refreshes, and not {self.wanted}")
        if late := [
            round(later - earlier, 1)
            for earlier, later in pairwise((0.0, *self.refreshed_at))
            if not half_s - LATE_REFRESH_S <= later - earlier <= half_s + LATE_REFRESH_S
        ]:
            wrong.append(f"refreshed after {late} s, and not {half_s:.0f}")
        if self.end_reason not in ENDS:
            wrong.append(f"it ended because: {self.end_reason}")
        if self.lasted_s < half_s * self.wanted - LATE_REFRESH_S:
            wrong.append(f"it ended after {self.lasted_s:.0f} s")
        if self.lost or self.lost_there:
            wrong.append(f"{self.lost} packets lost, and {self.lost_there} on the way to the bot")
        if self.packets_there < 0.99 * 1_000 / PACKET_MS * self.lasted_s:
            wrong.append(f"{self.packets_there} packets came to the bot in {self.lasted_s:.0f} s")
        if self.sources != 1:
            wrong.append(f"{self.sources} sources of media")
        if self.apart_ms > MOST_APART_MS:
            wrong.append(f"two packets came {self.apart_ms:.0f} ms apart")
        if not 0 < self.said == self.heard:
            wrong.append(f"{self.heard} of {self.said} sentences were heard")
        return [f"{self.name}: {each}" for each in wrong]


ENDS = ("caller hung up", "the called party hung up")


def settings(ports: dict[str, int]) -> str:
    """The bot's: a trunk for each call out."""
    return "".join(
        f'[trunks.{name.replace("-", "_")}]\nhost = "{HOST}"\nport = {port}\nallowed_numbers = ["qa"]\n'
        for name, port in ports.items()
    )


def place(bot: Bot, name: str) -> None:
    """Have the bot call by the trunk with that name."""
    body = json.dumps({"to": "qa", "trunk": name.replace("-", "_")}).encode()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"http://{bot.http}/api/calls", body, headers), timeout=10):
        pass


@contextmanager
def talking(media: Collection[Media]) -> Iterator[threading.Event]:
    """All of them say a sentence every few seconds, until the event is set."""
    sentence = codec_named("PCMU").encode(read_recording(ASSETS / "caller/check-my-balance.wav"))
    over = threading.Event()

    def talk() -> None:
        while not over.wait(SAYS_EVERY_S):
            for each in media:
                if each.target is not None:
                    each.say(sentence)
                    each.said += 1

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield over
    finally:
        over.set()
        thread.join()


def refreshed_at(call: RefreshedCall, outcome: Outcome) -> list[float]:
    """When SIPp got the refresh, or the answer to its own, in seconds from the beginning of the call on."""
    begun = outcome.received_at("SIP/2.0 200" if call.called == "bot" else "ACK")[:1]
    if call.refreshed_by == "sipp":
        # The last 200 is the BYE's, and the first one, where SIPp calls, the INVITE's.
        came = outcome.received_at("SIP/2.0 200")[1 if call.called == "bot" else 0 : -1]
    else:
        came = outcome.received_at(call.method)[1 if call.called == "sipp" and call.method == "INVITE" else 0 :]
    return [round((at - begun[0]) % 86_400, 1) for at in came] if begun else []


def records(directory: str) -> dict[str, dict[str, Any]]:
    """The finished calls, by the name that was called, or of those of the bot the trunk's."""
    with closing(sqlite3.connect(f"file:{directory}/calls.db?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        rows = [dict(row) for row in database.execute("SELECT * FROM calls WHERE end IS NOT NULL")]
    return {
        row["trunk"].replace("_", "-")
        if row["direction"] == "outbound"
        else row["dst"].split(":")[1].split("@")[0]: row | {"rtp": json.loads(row["rtp"])}
        for row in rows
    }


def finished(directory: str) -> dict[str, dict[str, Any]]:
    """`records`, once all are there: they are written behind the signalling."""
    deadline = time.monotonic() + SLACK_S
    while len(found := records(directory)) < len(CALLS) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def measure(minutes: float, expires_s: int, directory: Path, log: IO[str]) -> tuple[list[Result], list[str]]:
    """The calls that have a record, and what went wrong with the others."""
    wanted = max(1, round(120 * minutes / expires_s))
    lasts_s = wanted * expires_s / 2
    wrong: list[str] = []
    with ExitStack() as stack:
        media = {call.name: stack.enter_context(Media()) for call in CALLS}

        def sipp(call: RefreshedCall, target: str | None) -> Sipp:
            own = directory / call.name
            own.mkdir()
            file = directory / f"{call.name}.xml"
            file.write_text(call.scenario(expires_s, wanted))
            port = media[call.name].port
            limit_s = int(lasts_s) + SLACK_S
            return stack.enter_context(Sipp(str(file), own, target=target, rtp_port=port, timeout_s=limit_s))

        running = {call.name: sipp(call, None) for call in CALLS if call.called == "sipp"}
        (directory / "offhook.toml").write_text(settings({name: each.port for name, each in running.items()}))
        environment = {"OFFHOOK_OUTBOUND__TOKEN": TOKEN, "OFFHOOK_CALLS__MAX_CALL_S": str(lasts_s + SLACK_S)}
        run = Run("refreshed", (*BENCH, "--config", str(directory / "offhook.toml")), (), environment)
        data = str(directory / "data")
        bot = stack.enter_context(Bot(run, data, log))
        for call in CALLS:
            if call.called == "sipp":
                place(bot, call.name)
            else:
                running[call.name] = sipp(call, bot.sip)
        began = time.monotonic()
        with talking(media.values()) as over:
            over.wait(max(SAYS_EVERY_S, lasts_s - QUIET_AT_THE_END_S))
            over.set()
        outcomes = {name: each.wait() for name, each in running.items()}
        print(f"{time.monotonic() - began:.0f} s", flush=True)
        rows = finished(data)
    results = []
    for call in CALLS:
        outcome = outcomes[call.name]
        if outcome.status or call.name not in rows:
            wrong.append(f"{call.name}: SIPp ended with {outcome.status}: {outcome.errors.strip()[-600:]}")
        if call.name in rows:
            results.append(judged(call, wanted, expires_s, outcome, media[call.name], rows[call.name]))
    return results, wrong


def judged(
    call: RefreshedCall,
    wanted: int,
    expires_s: int,
    outcome: Outcome,
    media: Media,
    row: dict[str, Any],
) -> Result:
    """All that is known about one call."""
    stream = media.stream
    return Result(
        call.name,
        wanted,
        expires_s,
        refreshed_at(call, outcome),
        float(row["billsec"]),
        str(row["end_reason"]),
        media.said,
        int(row["turns"]),
        stream.packets,
        stream.lost,
        len(stream.sources),
        round(stream.apart_ms, 1),
        round(stream.late_ms, 1),
        int(row["rtp"]["packets_received"]),
        int(row["rtp"]["lost"]),
    )


HEADINGS = "refreshed by          refreshes  lasted s  packets lost  apart ms  late ms  to the bot lost  said heard"


def row_of(call: RefreshedCall, found: Result) -> str:
    """As text."""
    who = f"{'SIPp calls' if call.called == 'bot' else 'bot calls'}, {call.refreshed_by} {call.method}"
    return (
        f"{who:24} {len(found.refreshed_at):6} {found.lasted_s:9.0f} {found.packets:8} {found.lost:4} "
        f"{found.apart_ms:9.1f} {found.late_ms:8.1f} {found.packets_there:11} {found.lost_there:4}  "
        f"{found.said:4} {found.heard:5}"
    )


def main() -> int:
    """The command."""
    options = argparse.ArgumentParser(
        prog="python -m bench.refreshed_calls",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("--minutes", type=float, default=30.0)
    options.add_argument("--expires-s", type=int, default=90, help="90 at least")
    options.add_argument("--json", type=Path, default=REPORTS / "refreshed_calls.json")
    given = options.parse_args()
    os.sched_setaffinity(0, {last_core()})
    with (
        tempfile.TemporaryDirectory() as directory,
        tempfile.TemporaryFile("w+") as log,
        Witnesses({0, last_core()}) as witnesses,
    ):
        results, wrong = measure(given.minutes, given.expires_s, Path(directory), log)
        log.seek(0)
        wrong += [line.strip() for line in log if "Traceback" in line or " error " in line][:20]
    wrong += [fault for each in results for fault in each.faults()]
    print(HEADINGS)
    for each in results:
        print(row_of(next(call for call in CALLS if call.name == each.name), each))
    stood_still_ms = [round(1_000 * late) for _, late in witnesses.moments or ()]
    print(f"this machine stood still {len(stood_still_ms)} times, for {max(stood_still_ms, default=0)} ms at most")
    save(given.json, {"calls": [asdict(each) for each in results], "stood_still_ms": stood_still_ms, "wrong": wrong})
    print("\n".join(wrong) or "no faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

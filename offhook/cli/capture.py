"""`offhook sip capture`: has a running bot capture its next calls, and writes them into one file."""

import heapq
import os
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Any, BinaryIO

import typer

from offhook.cli.running_bot import BotConfig, BotHttp, NotFoundError, RunningBot
from offhook.private_file import private_file
from offhook.records.capture import MAX_FILE_BYTES
from offhook.records.pcap import FILE_HEADER
from offhook.settings.config import Config
from offhook.usererror import UserError

POLL_S = 0.5
LAST_PACKETS_S = 3.5
"""A capture ends two seconds after its call, and is written twice a second."""
MAX_PACKET_BYTES = 65_536 + 64
"""A datagram with the headers of its layers."""
MAX_LATE = 500
"""By how many packets one may be later in a file than others of its time: some seconds of a call."""
_PACKET = struct.Struct("<IIII")


def capture(
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.", metavar="FILE")],
    config: BotConfig = None,
    http: BotHttp = None,
    *,
    calls: Annotated[int, typer.Option(help="How many, with their legs.", min=1, max=100, metavar="N")] = 1,
    source: Annotated[str, typer.Option("--from", help="Only from, or to, this IP address.", metavar="IP")] = "",
    trunk: Annotated[str, typer.Option(help="Only by this trunk.", metavar="NAME")] = "",
    wait_s: Annotated[float, typer.Option(help="How long to wait for them.", min=1, max=3_600, metavar="S")] = 600.0,
) -> None:
    """Capture the next calls of a running bot, signalling and media, into a pcap file.

    It has the keys that callers press and what they say, but for the time in which the recording is paused; no proofs
    of passwords, and no keys of encrypted media. Ctrl-C writes what there is.
    """
    bot = RunningBot.of(Config.load(config), http)
    order = str(bot.post("/api/sip/captures", {"calls": calls, "host": source, "trunk": trunk})["id"])
    try:
        found = _wait(bot, order, wait_s)
    finally:
        bot.delete(f"/api/sip/captures/{order}")
    ids = [str(each["id"]) for each in found["calls"]]
    if (refused := found["begun"] - sum(not each["is_leg"] for each in found["calls"])) > 0:
        typer.echo(f"{refused} call{'s were' if refused > 1 else ' was'} refused, and left no capture", err=True)
    with ExitStack() as open_files:
        captures = [open_files.enter_context(TemporaryFile()) for _ in ids]
        for call, file in zip(ids, captures, strict=True):
            _save(bot, call, file)
        if not any(os.fstat(file.fileno()).st_size > len(FILE_HEADER) for file in captures):
            why = "the calls were refused" if refused > 0 else "no such call came"
            raise UserError("nothing was captured", why, "--wait-s 3600, or without --from and --trunk")
        written = _write(output, heapq.merge(*(_in_order(packets_of(file)) for file in captures), key=_time))
    typer.echo(f"wrote {written} packets of {len(ids)} calls to {output}")


def _wait(bot: RunningBot, order: str, wait_s: float) -> dict[str, Any]:
    """The order's `calls`, when all are over, and how many have `begun`."""
    until = time.monotonic() + wait_s
    found: dict[str, Any] = {"calls": [], "begun": 0}
    try:
        while time.monotonic() < until:
            found = bot.get(f"/api/sip/captures/{order}", needs="calls")
            # A call that was refused has no record, and is over once no worker has it.
            if not found["left"] and not found["open"] and all(each["is_over"] for each in found["calls"]):
                time.sleep(LAST_PACKETS_S)
                break
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        typer.echo("")
    return found


def _save(bot: RunningBot, call: str, file: BinaryIO) -> None:
    try:
        bot.save(f"/api/calls/{call}/capture.pcap", file, MAX_FILE_BYTES)
    except NotFoundError:
        typer.echo(f"{call} has no capture: the disk is full, or it had no packets", err=True)
    file.seek(0)


def _write(output: Path, packets: Iterable[bytes]) -> int:
    """How many."""
    written = 0
    with private_file(output) as file:
        file.write(FILE_HEADER)
        for packet in packets:
            file.write(packet)
            written += 1
    return written


def packets_of(file: BinaryIO) -> Iterator[bytes]:
    """The packets of a capture, each with its header, up to one that is cut off or damaged."""
    file.read(len(FILE_HEADER))
    while len(header := file.read(_PACKET.size)) == _PACKET.size:
        size = _PACKET.unpack(header)[2]
        if size > MAX_PACKET_BYTES or len(content := file.read(size)) < size:
            return
        yield header + content


def _in_order(packets: Iterable[bytes]) -> Iterator[bytes]:
    """Signalling comes through another process, and is written a little later than media of the same time."""
    waiting: list[tuple[tuple[int, int], int, bytes]] = []
    for number, packet in enumerate(packets):
        heapq.heappush(waiting, (_time(packet), number, packet))
        if len(waiting) > MAX_LATE:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


def _time(packet: bytes) -> tuple[int, int]:
    seconds, microseconds, _, _ = _PACKET.unpack_from(packet)
    return seconds, microseconds

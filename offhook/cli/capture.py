"""`offhook sip capture`: has a running bot capture its next calls, and writes them into one file."""

import os
import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from offhook.cli.running_bot import BotConfig, BotHttp, NotFoundError, RunningBot
from offhook.records.pcap import FILE_HEADER
from offhook.settings.config import Config
from offhook.usererror import UserError

POLL_S = 0.5
LAST_PACKETS_S = 3.5
"""A capture ends two seconds after its call, and is written twice a second."""
_PACKET = struct.Struct("<IIII")


def capture(
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.", metavar="FILE")],
    config: BotConfig = None,
    http: BotHttp = None,
    *,
    calls: Annotated[int, typer.Option(help="How many calls.", min=1, max=100, metavar="N")] = 1,
    source: Annotated[str, typer.Option("--from", help="Only from, or to, this address.", metavar="HOST")] = "",
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
    packets: list[bytes] = []
    for call in found:
        try:
            packets += packets_of(bot.read(f"/api/calls/{call}/capture.pcap"))
        except NotFoundError:
            typer.echo(f"{call} has no capture: it was refused, or the disk is full", err=True)
    if not packets:
        raise UserError("nothing was captured", "no such call came", "--wait-s 3600, or without --from and --trunk")
    # For our user alone: it has what callers said.
    fd = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    os.fchmod(fd, 0o600)  # it may have been there before
    with os.fdopen(fd, "wb") as file:
        file.write(FILE_HEADER)
        for packet in sorted(packets, key=_time):
            file.write(packet)
    typer.echo(f"wrote {len(packets)} packets of {len(found)} calls to {output}")


def _wait(bot: RunningBot, order: str, wait_s: float) -> Sequence[str]:
    """The ids of the calls, when all are over."""
    until = time.monotonic() + wait_s
    found: dict[str, Any] = {"calls": []}
    try:
        while time.monotonic() < until:
            found = bot.get(f"/api/sip/captures/{order}", needs="calls")
            if not found["left"] and all(each["is_over"] for each in found["calls"]) and found["calls"]:
                time.sleep(LAST_PACKETS_S)
                break
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        typer.echo("")
    return [str(each["id"]) for each in found["calls"]]


def packets_of(data: bytes) -> Iterator[bytes]:
    """The packets of a capture, each with its header; one that is cut off is left out."""
    at = len(FILE_HEADER)
    while at + _PACKET.size <= len(data):
        end = at + _PACKET.size + _PACKET.unpack_from(data, at)[2]
        if end > len(data):
            return
        yield data[at:end]
        at = end


def _time(packet: bytes) -> tuple[int, int]:
    seconds, microseconds, _, _ = _PACKET.unpack_from(packet)
    return seconds, microseconds

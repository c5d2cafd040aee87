"""A bad network for any bot on this machine, without root:

    python -m offhook.testing.relay --listen 127.0.0.1:5070 --to 127.0.0.1:5060 --loss 5 --burst 3 --delay 40
    python -m offhook.testing.relay --mode tcp --listen 127.0.0.1:8081 --to 127.0.0.1:8080 --rate 64 --stall 5-7

Call the first address instead of the second. It prints `ready ADDRESS`, and its counters as JSON when it ends (SIGTERM,
SIGINT, or after --for). Each impairment applies in both directions, or as --up-... from the caller to the bot, or as
--down-... back. The same --seed loses the same packets.

Modes: `sip` relays signalling and media of each call, and impairs the media, the signalling or both (--on); `udp`
relays datagrams of any kind; `tcp` relays connections, WebSockets too (with --delay, --rate and --stall only).
"""

import argparse
import asyncio
import dataclasses
import json
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from offhook.settings.addresses import parse_address, parse_port_range
from offhook.testing.impair import Impairment, Window
from offhook.testing.sip_relay import SipRelay
from offhook.testing.tcp_relay import TcpRelay, TcpSettings
from offhook.testing.udp import Address
from offhook.testing.udp_relay import RelaySettings, UdpRelay
from offhook.usererror import UserError

USAGE = 2
_PROGRAM = "python -m offhook.testing.relay"


def _window(text: str) -> Window:
    start, _, end = text.partition("-")
    return float(start), float(end)


_OPTIONS: dict[str, tuple[str, Callable[[str], Any], str]] = {
    "loss": ("loss_percent", float, "lost packets, percent"),
    "burst": ("burst_packets", float, "mean length of a burst of losses, packets (0: no bursts)"),
    "delay": ("delay_ms", float, "delay, ms"),
    "jitter": ("jitter_ms", float, "at most this on top of the delay, ms"),
    "jitter-shape": ("jitter_shape", str, "uniform or normal"),
    "spike": ("spike_ms", float, "length of a stall, ms"),
    "spikes": ("spike_percent", float, "packets that start a stall, percent"),
    "reorder": ("reorder_percent", float, "packets that are overtaken, percent"),
    "reorder-by": ("reorder_ms", float, "how long these are held back, ms"),
    "dup": ("duplicate_percent", float, "duplicated packets, percent"),
    "corrupt": ("corrupt_percent", float, "packets with changed bytes, percent"),
    "rate": ("rate_kbps", float, "rate, kbit/s (0: no limit)"),
    "queue": ("queue_ms", float, "longest queue for the rate, ms"),
    "stall": ("blackholes", _window, "FROM-TO in seconds: nothing passes; may be given several times"),
}


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog=_PROGRAM, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = options.add_argument
    add("--listen", required=True, metavar="HOST:PORT", help="where callers call (port 0: any free one)")
    add("--to", required=True, metavar="HOST:PORT", help="where the bot is")
    add("--mode", choices=["sip", "udp", "tcp"], default="sip")
    add("--on", choices=["media", "sip", "all"], default="media", help="what mode sip impairs")
    add("--media-ports", default="40000-49999", metavar="LOW-HIGH", help="media ports of mode sip")
    add("--seed", type=int, default=1)
    add("--rebind", type=float, metavar="S", help="after so long packets to the bot come from another port")
    add("--reset", type=float, metavar="S", help="reset TCP connections after so long")
    add("--for", type=float, dest="duration_s", metavar="S", help="end after so long")
    for name, (_, kind, text) in _OPTIONS.items():
        action = "append" if name == "stall" else "store"
        for way in ("", "up-", "down-"):
            shown = text if not way else argparse.SUPPRESS
            add(f"--{way}{name}", type=kind, action=action, help=shown, metavar="X")
    return options


def impairment_of(given: argparse.Namespace, way: str) -> Impairment:
    """The impairment for `way` ("up", "down"). Raises UserError."""
    values: dict[str, Any] = {}
    for name, (attribute, _, _) in _OPTIONS.items():
        plain = name.replace("-", "_")
        own = getattr(given, f"{way}_{plain}")
        value = getattr(given, plain) if own is None else own
        if value is not None:
            values[attribute] = tuple(value) if name == "stall" else value
    try:
        return Impairment(**values)
    except ValueError as error:
        todo = f"{_PROGRAM} --help for what each option takes"
        raise UserError("this network is impossible", str(error), todo, "command line") from error


async def run(given: argparse.Namespace) -> dict[str, object]:
    """Relay until a signal or the end of the time; returns the counters. Raises UserError."""
    listen, target = parse_address(given.listen), parse_address(given.to)
    up, down = impairment_of(given, "up"), impairment_of(given, "down")
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    try:
        relay = await _opened(given, listen, target, up, down)
    except OSError as error:
        raise UserError(
            f"{given.listen} cannot be used", error.strerror or str(error), "--listen 127.0.0.1:0"
        ) from error
    sys.stdout.write(f"ready {relay.address[0]}:{relay.address[1]}\n")
    sys.stdout.flush()
    with suppress(TimeoutError):
        async with asyncio.timeout(given.duration_s):
            await over.wait()
    report = relay.report()
    closing = relay.close()
    if closing is not None:
        await closing
    return {
        "seed": given.seed,
        "mode": given.mode,
        "up": dataclasses.asdict(up),
        "down": dataclasses.asdict(down),
        "counters": report,
    }


async def _opened(
    given: argparse.Namespace, listen: Address, target: Address, up: Impairment, down: Impairment
) -> UdpRelay | SipRelay | TcpRelay:
    impaired = RelaySettings(given.seed, up, down, given.rebind)
    clean = RelaySettings(given.seed)
    if given.mode == "tcp":
        return await TcpRelay.open(listen, target, TcpSettings(up, down, given.reset))
    if given.mode == "udp":
        return UdpRelay(listen, target, impaired)
    low, high = parse_port_range(given.media_ports)
    return SipRelay(
        listen,
        target,
        sip=clean if given.on == "media" else impaired,
        media=clean if given.on == "sip" else impaired,
        ports=range(low, high + 1),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns the exit status."""
    given = parser().parse_args(arguments)
    try:
        report = asyncio.run(run(given))
    except UserError as error:
        sys.stderr.write(error.render() + "\n")
        return USAGE
    sys.stdout.write(json.dumps(report) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

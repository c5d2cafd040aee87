"""What encryption costs: CPU of lines that talk and hear both ways, in the clear and as SRTP, alternating in one run.

    python -m bench.secure_media [--lines 40] [--seconds 6] [--rounds 3] [--python-too]

Both ends of each call are lines of this process, so a line is one call's media at a bot: transport only, without
detector and
dialog. `--python-too` adds SRTP without the pump's help, as it is where pylibsrtp does not show its functions.
"""

import argparse
import asyncio
import secrets
import time
from dataclasses import replace
from statistics import median

from bench.loopback import HOST, rtp_to
from offhook.telephony import tones
from offhook.telephony.codec.g711 import PCMU
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPool
from offhook.telephony.net.udp_line import UdpLine
from offhook.telephony.rtp import SrtpKeys, srtp

SUITES = {"AES_CM_128_HMAC_SHA1_80": 30, "AEAD_AES_128_GCM": 28}


def lines_of(count: int, suite: str, pool: PortPool, clock: MediaClock) -> list[UdpLine]:
    """So many, in pairs."""
    made = []
    for _ in range(count // 2):
        ports = pool.acquire(0.0), pool.acquire(0.0)
        one, two = (secrets.token_bytes(SUITES.get(suite, 0)) for _ in range(2))
        for (mine, other), send, receive in ((ports, one, two), (ports[::-1], two, one)):
            keys = SrtpKeys(suite, send, receive) if suite else None
            made.append(UdpLine(mine, replace(rtp_to(other.port), srtp=keys), "PCMU", clock=clock))
    return made


async def cpu_ms(count: int, seconds: float, suite: str) -> float:
    """CPU of a line, in milliseconds a second; all packets have to arrive."""
    pool, clock = PortPool(42_000, 43_999, HOST), MediaClock()
    lines = lines_of(count, suite, pool, clock)
    heard = [0] * count

    def hears(number: int) -> None:
        def on_audio(pcm: bytes, at_tick: int, at_s: float) -> None:
            heard[number] += len(pcm) // 2

        lines[number].add_listener(audio=on_audio)

    speech = PCMU.encode(tones.noise(1_000, level_dbfs=-25)) * round(seconds + 3)
    for number, line in enumerate(lines):
        hears(number)
        line.start()
        line.play(speech)
    await asyncio.sleep(1.5)
    before, began = time.process_time(), time.monotonic()
    at_first = sum(heard)
    await asyncio.sleep(seconds)
    spent, took = time.process_time() - before, time.monotonic() - began
    arrived = (sum(heard) - at_first) / 8_000 / took / count
    rejected = sum(line.stats().srtp_rejected + line.stats().lost for line in lines)
    for line in lines:
        line.close()
    clock.close()
    if arrived < 0.97 or rejected:
        print(f"  {suite or 'clear'}: {100 * arrived:.0f} % of the audio arrived, {rejected} packets lost or rejected")
    return 1_000 * spent / took / count


async def measure(given: argparse.Namespace) -> None:
    """All of them, in turns."""
    kinds = {"clear": "", **{suite: suite for suite in SUITES}}
    found: dict[str, list[float]] = {}
    native_call = srtp._native_call
    for _ in range(given.rounds):
        for name, suite in kinds.items():
            found.setdefault(name, []).append(await cpu_ms(given.lines, given.seconds, suite))
        if given.python_too:
            srtp._native_call = lambda function, session: None
            suite = next(iter(SUITES))
            found.setdefault("in Python", []).append(await cpu_ms(given.lines, given.seconds, suite))
            srtp._native_call = native_call
    clear = median(found["clear"])
    for name, values in found.items():
        each = " ".join(f"{value:.2f}" for value in values)
        print(f"{name:26} {median(values):5.2f} ms a second, {median(values) / clear:4.2f} of clear  ({each})")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--python-too", action="store_true")
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()

"""Which of the bot's words a caller can make out: real calls, and Whisper tiny.en in the caller's place.

    .venv/bin/python -m bench.heard [--engine hibari] [--loss 0,5] [--times 2] [--at-once 6]

Each call says one prompt of `heard_prompts.txt`, over SIP and RTP on loopback and G.711; with loss, through the relay.
What the caller received, loss concealed as our own receiver does it, is transcribed. A word counts as missed if it is
not in the transcript at its place. The interval is Clopper and Pearson's, at 95 %.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path
from typing import Any

from bench.listener import Listener, missed, words
from offhook.api.call import Call
from offhook.observe.log import setup
from offhook.process.event_loop import run_loop
from offhook.process.local_bot import LocalBot
from offhook.settings.config import (
    AsrConfig,
    Config,
    HttpConfig,
    RecordsConfig,
    SipConfig,
    TtsConfig,
)
from offhook.sip.net.address import Address
from offhook.testing.impair import Impairment
from offhook.testing.received import Received
from offhook.testing.sip_caller import Caller
from offhook.testing.sip_relay import SipRelay
from offhook.testing.udp_relay import RelaySettings

HOST = "127.0.0.1"
PROMPTS = Path(__file__).with_name("heard_prompts.txt")
RELAY_PORTS = range(14_000, 17_999)
CALL_LIMIT_S = 60.0
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Heard:
    """One call: what the bot said, and the 8 kHz PCM that the caller received."""

    said: str
    pcm: bytes


async def place_calls(config: Config, prompts: Sequence[str], *, loss_percent: float, at_once: int) -> list[Heard]:
    """One call for each prompt to a bot with these settings, through a relay that loses packets on the way down."""

    async def dialog(call: Call) -> None:
        number = call.called.removeprefix("sip:").partition("@")[0]
        await call.say(prompts[int(number)], barge_in=False)
        await call.hangup()

    bot = LocalBot(config, dialog)
    await bot.start()
    address = bot.sip_address
    media = RelaySettings(down=Impairment(loss_percent=loss_percent), seed=7)
    clear = RelaySettings()
    relay = SipRelay((HOST, 0), (address.host, address.port), sip=clear, media=media, ports=RELAY_PORTS)
    free = asyncio.Semaphore(at_once)
    try:
        return await asyncio.gather(*(_call(relay, str(at), prompt, free) for at, prompt in enumerate(prompts)))
    finally:
        relay.close()
        await bot.stop()


async def _call(relay: SipRelay, number: str, prompt: str, free: asyncio.Semaphore) -> Heard:
    received = Received()
    async with free, asyncio.timeout(CALL_LIMIT_S):
        caller = await Caller.dial(HOST, Address(*relay.address), called=number)
        try:
            caller.add_listener(received.on_audio)
            await caller.over.wait()
        finally:
            caller.close()
    return Heard(prompt, received.pcm)


def settings(folder: Path, tts: TtsConfig) -> Config:
    """A bot on loopback with this voice; it recognises nothing."""
    return Config(
        sip=SipConfig(host=HOST, port=0),
        http=HttpConfig(host=HOST, port=0),
        records=RecordsConfig(dir=folder),
        asr=AsrConfig(engine="fixed"),
        tts=tts,
    )


def interval(count: int, of: int) -> tuple[float, float]:
    """Clopper and Pearson's bounds of a rate, by bisection."""

    def at_most(k: int, rate: float) -> float:
        return sum(comb(of, i) * rate**i * (1 - rate) ** (of - i) for i in range(k + 1))

    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if count == 0 else _solve(lambda rate: 1 - at_most(count - 1, rate) < tail)
    return low, 1.0 if count == of else _solve(lambda rate: at_most(count, rate) > tail)


def _solve(below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return low


def score(calls: Sequence[Heard], listener: Listener, *, show: bool) -> dict[str, Any]:
    """The share of words that were missed."""
    lost, total = 0, 0
    for call in calls:
        understood = listener.transcribe(call.pcm)
        gone = missed(call.said, understood)
        lost, total = lost + len(gone), total + len(words(call.said))
        if gone and show:
            print(f"  missed {', '.join(gone)}: {understood!r}")
    low, high = interval(lost, total)
    return {"missed": lost, "words": total, "rate": lost / total, "low": low, "high": high}


async def measure(args: argparse.Namespace) -> list[dict[str, Any]]:
    """One row for each loss rate."""
    prompts = PROMPTS.read_text("utf-8").splitlines() * args.times
    listener, rows = Listener(), []
    for loss in map(float, args.loss.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            # Without a cache each time is another rendering.
            tts = TtsConfig(engine=args.engine, voice=args.voice, cache_mib=0)
            calls = await place_calls(settings(Path(folder), tts), prompts, loss_percent=loss, at_once=args.at_once)
        row = {"engine": args.engine, "loss_percent": loss} | score(calls, listener, show=args.show)
        rows.append(row)
        print(json.dumps(row))
    return rows


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--voice")
    parser.add_argument("--loss", default="0,5", help="percent, separated by commas")
    parser.add_argument("--times", type=int, default=2, help="how often each prompt is said")
    parser.add_argument("--at-once", type=int, default=6)
    parser.add_argument("--show", action="store_true", help="print what was missed")
    setup(level="error")
    run_loop(measure(parser.parse_args()))


if __name__ == "__main__":
    main()

"""Whether a bot keeps anything of the secrets that callers key: python -m bench.planted_secrets [--calls 100]

Each call keys a card's number and a code of its own, over SIP (RFC 4733, INFO, tones) or a media stream, while the bot
records, captures, keeps event logs and logs at `debug`, and live pages are open. Then every file, the log, what the API
answers, the metrics and the live events are searched for the numbers, and the recordings for the sounds of their keys.
Exits with 1 where anything is found, or where the server did not get each number exactly once.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from bench.planted import (
    AUDIBLE_AFTER,
    WAYS,
    LivePage,
    Payments,
    Planted,
    fetched,
    files_below,
    flow_text,
    heard_in,
    kept_in,
    numbers,
    plant,
)
from bench.runs import Bot, Run, last_core
from offhook.sip.net.address import Address

SETTINGS = {
    "OFFHOOK_LOG__LEVEL": "debug",
    "OFFHOOK_LOG__FORMAT": "json",
    "OFFHOOK_RECORDS__RECORD_AUDIO": "true",
    "OFFHOOK_RECORDS__EVENTS": "true",
    "OFFHOOK_RECORDS__CAPTURE": "true",
    "OFFHOOK_ASR__ENGINE": "fixed",
    "OFFHOOK_TTS__ENGINE": "recorded",
    "OFFHOOK_VAD__ENGINE": "energy",
}
HEARS_TONES = '[dtmf]\nreceive = ["inband"]\n'
"""A file of settings."""
PAGES = ["/metrics", "/api/status", "/api/calls?limit=100", "/api/sip", "/api/sip/connections"]


@dataclass(slots=True)
class Search:
    """What was looked through, and what was found there."""

    planted: list[Planted]
    places: int = 0
    octets: int = 0
    found: list[str] = field(default_factory=list)
    recordings: int = 0

    def text(self, where: str, content: bytes) -> None:
        """Look for the numbers."""
        self.places += 1
        self.octets += len(content)
        self.found += [f"{each} in {where}" for each in kept_in(content, self.planted)]

    def recording(self, path: Path, *, audible: bool) -> None:
        """Look for the sounds of keys: only those behind the entry may be there, and, if they are `audible`, have
        to."""
        self.recordings += 1
        caller, bot = heard_in(path)
        wanted = AUDIBLE_AFTER if audible else ""
        if (caller, bot) != (wanted, ""):
            self.found.append(f"keys {caller!r} and {bot!r} in {path.name}, not {wanted!r}")


def got_once(planted: list[Planted], payments: Payments) -> list[str]:
    """Which calls' numbers did not come to the server, exactly once and both together."""
    wanted = [{"card": each.card, "code": each.code} for each in planted]
    return [f"{each['card']} came {payments.got.count(each)} times" for each in wanted if payments.got.count(each) != 1]


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:
        content: bytes = answer.read()
    return content


async def calls(planted: list[Planted], bot: Bot, payments: Payments, search: Search, at_once: int) -> None:
    """Place the calls, so many at once, with live pages open, and look through what those have shown."""
    host, _, port = bot.sip.rpartition(":")
    slots = asyncio.Semaphore(at_once)

    async def placed(one: Planted) -> None:
        async with slots:
            await plant(one, Address(host, int(port)), bot.http, payments)

    async with LivePage(bot.http) as page:
        await asyncio.gather(*map(placed, planted))
    search.text("the live page", bytes(page.seen))


async def searched(
    planted: list[Planted], settings: dict[str, str], at_once: int, config: str = ""
) -> tuple[Search, list[str]]:
    """Everything: the search, and what the server did not get. `config` is the text of a file of settings."""
    search = Search(planted)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with Payments() as payments:
            (folder / "flow.yaml").write_text(flow_text(payments.port))
            (folder / "offhook.toml").write_text(config)
            options = ("--config", str(folder / "offhook.toml"), "--flow", str(folder / "flow.yaml"))
            run = Run("", options, (), settings)
            with (folder / "bot.log").open("w") as log, Bot(run, str(folder / "data"), log) as bot:
                await calls(planted, bot, payments, search, at_once)
                ids = [path.stem for path in (folder / "data").rglob("*.wav")]
                parts = ("", "/call.json", "/transcript.txt", "/peaks")
                pages = [*PAGES, *(f"/api/calls/{each}{part}" for each in ids for part in parts)]
                for page, content in await fetched(bot.http, pages, get):
                    search.text(page, content)
        for where, content in files_below(folder):
            if where != "flow.yaml":
                search.text(where, content)
        for path in (folder / "data").rglob("*.wav"):
            search.recording(path, audible=not config)
        return search, got_once(planted, payments)


def main() -> None:
    """The command."""
    options = argparse.ArgumentParser(
        prog="python -m bench.planted_secrets",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("--calls", type=int, default=100)
    options.add_argument("--at-once", type=int, default=5)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    os.sched_setaffinity(0, {last_core()})
    by_tones = max(1, given.calls // len(WAYS))
    failed = False
    for ways, count, config in ((WAYS[:-1], given.calls - by_tones, ""), (WAYS[-1:], by_tones, HEARS_TONES)):
        planted = numbers(count, ways, given.seed)
        search, missed = asyncio.run(searched(planted, SETTINGS, given.at_once, config))
        print(
            f"{count} calls ({', '.join(ways)}): {len(search.found)} found in {search.places} places of "
            f"{search.octets / 1e6:.1f} MB and {search.recordings} recordings; the server missed {len(missed)}"
        )
        for each in (*search.found, *missed):
            print(f"  {each}")
        failed = failed or bool(search.found or missed or search.recordings != count)
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()

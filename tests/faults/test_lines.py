"""Conversations over bad lines: loss, bursts, jitter, spikes, disorder, damage. Each call goes through a relay."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest

from offhook.sip.net.address import Address
from offhook.testing.impair import Impairment
from offhook.testing.sip_caller import Caller
from offhook.testing.sip_relay import SipRelay
from offhook.testing.udp_relay import RelaySettings
from tests.e2e.conftest import BotProcess, speech

HOST = "127.0.0.1"
PORTS = range(44_000, 48_000)
KEYS = "12345678"
ONE_KEY = ["[keys: 1]"]
"""How many it were, and not which: transcripts keep PINs to themselves."""
KEYS_S = 3.0
SILENCE = bytes(2 * 8_000 * 2)
"""Two seconds: longer than the pause that ends a turn, and than a key may take to be heard."""
CALL_LIMIT_S = 60.0

LOSSES = {
    f"{percent} %{' in bursts' if burst else ''}": Impairment(loss_percent=percent, burst_packets=burst)
    for percent in (1, 3, 5, 10, 20)
    for burst in (0, 3)
}
OTHERS = {
    "jitter": Impairment(delay_ms=20, jitter_ms=60, spike_percent=0.5, spike_ms=200),
    "reordered": Impairment(reorder_percent=10, duplicate_percent=5),
    "corrupt": Impairment(corrupt_percent=10),
}


@dataclass(frozen=True)
class Talk:
    """How a call over a bad line went."""

    record: dict[str, Any]
    said: list[str]
    way_in: dict[str, int]

    @property
    def rtp(self) -> dict[str, Any]:
        return dict(self.record["rtp"])


async def converse(bot: BotProcess, name: str, line: Impairment, seed: int) -> dict[str, int]:
    """Say a sentence, press keys, hang up; returns what happened on the way to the bot."""
    settings = RelaySettings(seed, line, line)
    relay = SipRelay((HOST, 0), (bot.host, bot.port), sip=RelaySettings(), media=settings, ports=PORTS)
    try:
        async with asyncio.timeout(CALL_LIMIT_S):
            caller = await Caller.dial(HOST, Address(*relay.address), user=name)
            try:
                await caller.listen_for(0.5)
                await caller.say(speech("check-my-balance") + SILENCE)
                caller.press(KEYS)
                await asyncio.sleep(KEYS_S)
                # Behind the keys comes sound: what is lost at the very end could be counted by nobody.
                await caller.say(speech("goodbye") + SILENCE)
            finally:
                caller.close()
            await asyncio.sleep(0.5)
        report: Any = relay.report()
        return dict(report["rtp"]["up"])
    finally:
        relay.close()


@pytest.fixture(scope="module")
def talks(patient_bot: BotProcess) -> dict[str, Talk]:
    """All lines at once: each takes a dozen seconds, and little of the machine."""
    bot, lines = patient_bot, {**LOSSES, **OTHERS}

    async def all_of_them() -> list[dict[str, int]]:
        calls = (converse(bot, f"line{number}", line, number) for number, line in enumerate(lines.values()))
        return await asyncio.gather(*calls)

    ways = asyncio.run(all_of_them())
    bot.wait_for(lambda: bot.metric("offhook_calls_active") == 0)
    bot.wait_for(lambda: all(record["end"] is not None for record in bot.records()))
    result = {}
    for number, name in enumerate(lines):
        (record,) = [one for one in bot.records() if f"sip:line{number}@" in str(one["src"])]
        record = record | {"rtp": json.loads(record["rtp"])}
        result[name] = Talk(record, bot.lines(record, "caller"), ways[number])
    return result


@pytest.mark.parametrize("line", [*LOSSES, *OTHERS])
def test_the_call_lives_and_every_turn_ends(talks: dict[str, Talk], line: str) -> None:
    talk = talks[line]
    assert talk.record["end_reason"] == "caller hung up"
    assert talk.said.count("check my balance") >= 1


@pytest.mark.parametrize("line", LOSSES)
def test_the_record_tells_the_loss(talks: dict[str, Talk], line: str) -> None:
    """Within a percentage point of what the relay really dropped between the first and the last packet that came:
    what was lost before and after nobody can know.
    """
    talk = talks[line]
    dropped = talk.way_in["lost_between"]
    assert dropped > 0
    assert talk.rtp["fraction_lost"] == pytest.approx(dropped / (talk.way_in["sent"] + dropped), abs=0.01)


@pytest.mark.parametrize("line", [line for line in LOSSES if not line.startswith("20 %")])
def test_no_key_is_lost_or_doubled_at_10_percent_loss(talks: dict[str, Talk], line: str) -> None:
    keys = [text for text in talks[line].said if text.startswith("[keys")]
    assert keys == ONE_KEY * len(KEYS)


def test_jitter_loses_nothing(talks: dict[str, Talk]) -> None:
    talk = talks["jitter"]
    assert talk.way_in["spikes"] > 0
    assert talk.rtp["lost"] == 0
    assert talk.rtp["duplicate"] == 0
    assert talk.rtp["jitter_ms"] > 2


def test_disorder_is_put_right(talks: dict[str, Talk]) -> None:
    talk = talks["reordered"]
    assert talk.way_in["reordered"] > 0
    assert talk.rtp["duplicate"] == talk.way_in["duplicated"]
    assert talk.rtp["lost"] == 0
    # What was overtaken came in time, or its gap had been given up; either way it was seen.
    assert 0 < talk.rtp["reordered"] + talk.rtp["late"] <= talk.way_in["reordered"] + talk.way_in["duplicated"]
    assert [text for text in talk.said if text.startswith("[keys")] == ONE_KEY * len(KEYS)


def test_damaged_packets_are_dropped_and_counted(talks: dict[str, Talk]) -> None:
    talk = talks["corrupt"]
    assert talk.way_in["corrupted"] > 10
    rtp = talk.rtp
    # Damage in the header makes it malformed, of no known type, or out of place; in the payload nobody can see it.
    noticed = rtp["malformed"] + rtp["unknown_pt"] + rtp["late"] + rtp["duplicate"] + rtp["lost"] + rtp["reordered"]
    assert noticed > 0
    assert rtp["rejected_source"] == 0

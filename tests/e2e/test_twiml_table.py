"""The table of TwiML documents on the wire: one bot, one server, and phones that call all at once.

What is said is heard and read letter by letter (`spelled`). The cases are those of the simulated call, with what they
expect there; `Case.only_simulated` says why one is not among them.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import groupby
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from offhook.sip.net.address import Address
from offhook.telephony.codec import PCMU
from offhook.telephony.tones import tones
from offhook.testing.sip_caller import Caller, CallFailedError
from offhook.testing.wav_file import wav
from offhook.twiml.parameters import call_sid
from tests.docs.pages import ROOT
from tests.e2e.conftest import BotProcess
from tests.e2e.spelled import NOTE, Reader, spelled
from tests.e2e.twiml_ivr import CASE_HEADER, ENDED, FALLBACK, TONE_HZ, Ivr, running
from tests.e2e.twiml_phones import LATE_ANSWER, NO_ANSWER, Agents, Ear, act
from tests.offhook.twiml.page import GROUPS
from tests.offhook.twiml.table import AGENT, CALLED, CALLER, MEDIA_HOST, TALK_S, TOKEN, Case, Outcome, differences
from tests.ports import own_port

AT_ONCE = 32
APART_S = 0.1
"""Between the beginnings of two calls: many at the same moment are refused."""

AGAIN_S = 2.0
"""After a refusal, as the bot is full."""

CALL_S = 75.0
LATE_S = 10.0
"""How much later than in the simulated call something may end: the network, and a busy machine."""

EARLY_S = 0.3
ALIKE = 0.8
"""Of what was said and what was heard: a busy machine loses a letter here and there."""

QUEUE_AGENTS = {"anna": "+15550000001", "ben": NO_ANSWER, "carl": LATE_ANSWER}
"""By the names of `[transfer.targets]`: users at the agents' address."""

NOT_ALLOWED = "+49"
"""What begins so is not in `allow`."""

FULL = "answered with 503"
LEAST = 120

CASES = {
    f"{group.replace(' ', '-')}-{number}": case
    for group, cases in GROUPS.items()
    for number, case in enumerate(cases, 1)
    if not case.only_simulated
}

SETTINGS = """
[transfer]
allow = ["+1*", "*@127.0.0.1"]
ringing_tone = "none"
[transfer.targets]
anna = "{anna}"
ben = "sip:{ben}@127.0.0.1:{agents}"
carl = "sip:{carl}@127.0.0.1:{agents}"
[trunks.pbx]
host = "127.0.0.1"
port = {agents}
[queues]
support = {{agents = ["anna"], logged_in = true, wrap_up_s = 0, announce = false, music = "music.wav"}}
slow = {{agents = ["ben"], logged_in = true, ring_s = 100, leave_key = "0", announce = false, music = "music.wav"}}
late = {{agents = ["carl"], logged_in = true, announce = false, music = "music.wav"}}
nobody = {{agents = [], announce = false, music = "music.wav"}}
closed = {{agents = ["+15550000002"], announce = false, music = "music.wav"}}
"""


@dataclass
class Call:
    """What a phone knows of its call."""

    end: str = ""
    heard: str = ""
    keys: str = ""
    began_s: float = 0.0
    took_s: float = 0.0
    wrong: str = ""


@pytest.fixture
def agents_port() -> int:
    """Of all agents' phones."""
    return own_port()


@pytest.fixture
def ivr(agents_port: int) -> Iterator[Ivr]:
    with running(Ivr(CASES, {AGENT: f"127.0.0.1:{agents_port}"})) as server:
        yield server


@pytest.fixture
def bot(ivr: Ivr, agents_port: int, start_bot: Callable[..., BotProcess], tmp_path: Path) -> BotProcess:
    config = tmp_path / "offhook.toml"
    config.write_text(SETTINGS.format(agents=agents_port, **QUEUE_AGENTS))
    (tmp_path / "music.wav").write_bytes(wav(tones((TONE_HZ,), 2_000)))
    settings = {
        "PYTHONPATH": str(ROOT),
        "OFFHOOK_ASR__ENGINE": "tests.e2e.spelled:recogniser",
        "OFFHOOK_TTS__ENGINE": "tests.e2e.spelled:voice",
        "OFFHOOK_VAD__ENGINE": "energy",
        "OFFHOOK_AUDIO__ECHO_GUARD": "false",
        "OFFHOOK_TURN__FILLER_MS": "0",  # a machine that is busy is not heard
        "OFFHOOK_CALLS__MAX_CPU": "1",
        "OFFHOOK_CALLS__MAX_LAG_MS": "1000",
        "OFFHOOK_TWIML__ALLOW_PRIVATE": "true",
        "OFFHOOK_TWIML__AUTH_TOKEN": TOKEN,
        "OFFHOOK_TWIML__FALLBACK_URL": ivr.here_of(FALLBACK),
        "OFFHOOK_TWIML__STATUS_URL": ivr.here_of(ENDED),
        "OFFHOOK_TWIML__HOSTS": json.dumps([ivr.here(MEDIA_HOST).partition("//")[2]]),
    }
    return start_bot("--config", str(config), "--twiml", ivr.here_of("/voice"), **settings)


async def dialled(bot: BotProcess, name: str, call: Call) -> Caller:
    """The call of a case, once the bot has room for it. Raises CallFailedError."""
    headers = ((CASE_HEADER, name),)
    while True:
        call.began_s = monotonic()
        try:
            return await Caller.dial(bot.host, Address(bot.host, bot.port), user=CALLER, called=CALLED, headers=headers)
        except CallFailedError as error:
            if FULL not in str(error):
                raise
        await asyncio.sleep(AGAIN_S)


async def called(bot: BotProcess, name: str, case: Case) -> Call:
    """One call, as the case has it."""
    call = Call()
    try:
        phone = await dialled(bot, name, call)
    except CallFailedError as error:
        call.end, call.took_s = str(error), monotonic() - call.began_s
        return call
    ear = Ear(phone)
    try:
        async with asyncio.timeout(CALL_S):
            for line in case.caller:
                await act(phone, ear, line)
                call.end = "caller" if line == "hangs up" else ""
            await phone.over.wait()
        call.end = call.end or "hung up"
    except TimeoutError:
        call.wrong = f"it does not end; heard {ear.text!r}"
    finally:
        call.heard, call.keys, call.took_s = ear.text, ear.keys, monotonic() - call.began_s
        phone.close()
    return call


async def all_called(bot: BotProcess, agents_port: int) -> tuple[dict[str, Call], Counter[str]]:
    """The calls of all cases, and how often each user was called for a Dial."""
    free, found = asyncio.Semaphore(AT_ONCE), dict[str, Call]()

    async def one(name: str, case: Case) -> None:
        async with free:
            found[name] = await called(bot, name, case)

    agents = await Agents.open(agents_port, TALK_S)
    try:
        async with asyncio.TaskGroup() as group:
            for name, case in CASES.items():
                group.create_task(one(name, case))
                await asyncio.sleep(APART_S)
    finally:
        agents.close()
    return found, Counter(user for user in agents.asked if user not in QUEUE_AGENTS.values())


def users(case: Case) -> list[str]:
    """Those that a Dial calls."""
    called = [each.removeprefix("sip:").partition("@")[0] for each in case.to.split(", ") if each]
    return [each for each in called if not each.startswith(NOT_ALLOWED)]


def reports_of(bot: BotProcess, uniqueid: str) -> list[str]:
    """What TwiML has put on the record of a call."""

    def texts(value: object) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            for each in value.values():
                yield from texts(each)
        elif isinstance(value, list):
            for each in value:
                yield from texts(each)

    timeline: Any = json.loads(bot.get(f"/api/calls/{uniqueid}"))["timeline"]
    return [text for text in texts(timeline) if text.startswith("TwiML: ")]


def letters(text: str) -> str:
    """Those of a text, without repetitions: a late packet is bridged by what came before it."""
    return "".join(letter for letter, _ in groupby(each for each in text.lower() if each.isalnum()))


def likeness(case: Case, heard: str) -> float:
    """How far the caller has heard what was said, 0 to 1."""
    expected, found = letters(case.heard or " ".join(case.said)), letters(heard)
    if case.end == "caller":
        found = found[: len(expected)]  # more may have begun
    return SequenceMatcher(None, expected, found, autojunk=False).ratio()


def said_in(case: Case, lines: list[str]) -> tuple[str, ...]:
    """The bot's lines of a record, which has the whole of what was interrupted, and empty ones for sounds."""
    said = [line for line in lines if line]
    if case.end == "caller":
        said = said[: len(case.said)]
    is_interrupted = any(line.startswith("begins") for line in case.caller)
    for at, text in enumerate(case.said[: len(said)]):
        said[at] = text if is_interrupted and said[at].startswith(text) else said[at]
    return tuple(said)


def problems(case: Case, call: Call, outcome: Outcome) -> list[str]:
    """Where a call is not as the case has it."""
    least, most = case.takes_s
    asked = tuple(line.replace("Duration=12", "Duration=*") for line in case.asked)
    here = replace(case, takes_s=(least - EARLY_S, most + LATE_S), asked=asked)
    found = differences(here, outcome)
    if (alike := likeness(case, call.heard)) < ALIKE:
        found.append(f"heard: {call.heard!r}, {alike:.2f} like {case.said}")
    return found + ([call.wrong] if call.wrong else [])


def test_what_is_spelled_can_be_read() -> None:
    reader, letters = Reader(), "".join(map(chr, range(33, 127)))
    line = bytes(3_000) + spelled(letters) + bytes(2_000) + tones((TONE_HZ,), 500) + bytes(2_000)
    line = PCMU.decode(PCMU.encode(line))
    for at in range(0, len(line), 320):
        reader.push(line[at : at + 320])
    assert (reader.text.split()[0], set(reader.text.split()[1])) == (letters, {NOTE})


@pytest.mark.alone
def test_the_table_on_the_wire(bot: BotProcess, ivr: Ivr, agents_port: int) -> None:
    assert len(CASES) >= LEAST
    calls, dialled_users = asyncio.run(all_called(bot, agents_port))
    bot.wait_for(lambda: all(ivr.ended.values()), 30)
    records = {call_sid(each["uniqueid"]): each for each in bot.records()}
    found = {}
    for name, case in CASES.items():
        record = records[ivr.ended[name][0]["CallSid"]]
        call = calls[name]
        said = said_in(case, bot.lines(record, "bot"))
        reports = reports_of(bot, record["uniqueid"])
        end = f"refused {call.end.split()[5]}" if "answered with" in call.end else call.end
        to = case.to  # whom all cases together have called is compared below
        outcome = Outcome(said, ivr.asked[name], end, reports, call.keys, to, call.took_s)
        expected = replace(case, asked=tuple(map(ivr.here, case.asked)))
        if wrong := problems(expected, call, outcome):
            found[f"{name}: {case.about}"] = wrong
    assert found == {}, json.dumps(found, indent=1)
    assert dialled_users == Counter(user for case in CASES.values() for user in users(case))
    assert ivr.unsigned == []

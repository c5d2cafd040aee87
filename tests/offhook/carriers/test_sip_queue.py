"""Queues over real SIP and RTP: who waits, whose phone rings, who hears whom."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from offhook.api.call import Call
from offhook.api.call_recording import Consent
from offhook.api.queued import Queued
from offhook.api.while_waiting import Wait
from offhook.engines.engine_set import EngineSet
from offhook.engines.registry import GivenEngines
from offhook.pipeline.trace import BotHeard, ConsentNoted, SessionEvent
from offhook.pipeline.tts.recorded import RecordedEngine
from offhook.pipeline.tts.recording import Recording
from offhook.process.local_bot import LocalBot
from offhook.process.supervisor import Supervisor
from offhook.queues.orders import QueueEnd
from offhook.records.outbox import listed
from offhook.settings.config import Config
from offhook.sip.commands import Reject
from offhook.sip.events import CallAnswered, CallCancelled, CallConfirmed, Event, IncomingCall
from offhook.sip.events import CallEnded as LegEnded
from offhook.telephony import tones
from offhook.testing.wav_file import wav
from offhook.usererror import UserError
from tests.offhook.bots import LIGHT_ENGINES
from tests.offhook.carriers.parties import HOST, Party
from tests.ports import own_rtp

FIRST_HZ, SECOND_HZ, AGENT_HZ, OTHER_HZ, MUSIC_HZ, BOT_HZ = 700.0, 900.0, 1_300.0, 1_700.0, 450.0, 2_100.0
DIALOG_HZ = 2_500.0

VOICE = RecordedEngine(wav(tones.tones((BOT_HZ,), 600, level_dbfs=-20)))
"""Says each sentence in little time."""

LONG = 15.0
"""Within which something comes that depends on several calls."""


class Office:
    """Two callers, two agents and a bot; `results` is what became of the waits, in their order."""

    def __init__(self, tmp_path: Path) -> None:
        self.first, self.second = Party(FIRST_HZ), Party(SECOND_HZ)
        self.anna, self.ben = Party(AGENT_HZ), Party(OTHER_HZ)
        self.results: asyncio.Queue[Queued] = asyncio.Queue()
        self.heard: list[str] = []
        self.changed = asyncio.Event()
        self._folder = tmp_path
        self._bot: Supervisor | None = None
        self.options: dict[str, object] = {"summary": ""}
        self.plays, self.stopped = False, asyncio.Event()
        """Whether the dialog plays a tone of its own while the caller waits, and that it does so no longer."""
        self.consent: Consent | None = None
        self.noted: dict[str, str] = {}
        """The consent of each call."""

    @property
    def parties(self) -> tuple[Party, ...]:
        return self.first, self.second, self.anna, self.ben

    @property
    def bot(self) -> Supervisor:
        assert self._bot is not None
        return self._bot

    async def open(self, more: dict[str, object] | None = None, **queue: object) -> None:
        music = self._folder / "music.wav"
        music.write_bytes(wav(tones.tones((MUSIC_HZ,), 3_000, level_dbfs=-20)))
        targets = {"anna": f"sip:anna@{self.anna.address}", "ben": f"sip:ben@{self.ben.address}"}
        settings: dict[str, dict[str, object]] = {
            "sip": {"host": HOST, "port": 0},
            "http": {"enabled": False},
            "rtp": own_rtp(),
            "records": {"dir": self._folder},
            **LIGHT_ENGINES,
            "transfer": {"targets": targets},
            "queues": {
                "support": {"agents": ["anna"], "music": str(music), "wrap_up_s": 0, "announce": False, **queue}
            },
            **(more or {}),  # type: ignore[dict-item]
        }
        self._bot = self.make_bot(Config.load(None, settings))
        await self._bot.start()

    def make_bot(self, config: Config) -> Supervisor:
        bot = LocalBot(config, self._dialog, engines=engines)
        bot.listeners.append(self.on_event)
        return bot

    async def close(self) -> None:
        if self._bot is not None:
            await self._bot.stop()
            self._bot = None

    def call(self, party: Party) -> str:
        return party.call(f"sip:bot@{self.bot.sip_address}")

    async def result(self) -> Queued:
        return await asyncio.wait_for(self.results.get(), LONG)

    async def says(self, text: str) -> None:
        """Wait until the bot has said it, to anybody."""
        async with asyncio.timeout(LONG):
            while not any(text in each for each in self.heard):
                self.changed.clear()
                await self.changed.wait()

    async def waits(self, count: int) -> None:
        """Wait until so many callers wait."""
        async with asyncio.timeout(LONG):
            while len(self.bot.queues.waiting("support")) != count:  # noqa: ASYNC110 - no event says so
                await asyncio.sleep(0.02)

    async def becomes(self, **states: str) -> None:
        """Wait until the agents do this."""
        async with asyncio.timeout(LONG):
            while self.bot.queues.states() != states:  # noqa: ASYNC110 - no event says so
                await asyncio.sleep(0.02)

    async def asks_for_call_back(self, number: str) -> str:
        """The first party waits, and keys a number at which it wants to be called back; its handle then."""
        self.heard.clear()
        self.first.heard.clear()
        handle = self.call(self.first)
        await self.first.hears(MUSIC_HZ, LONG)
        self.first.quiet(handle).send_dtmf("1")
        await self.says("Please enter the number")
        self.first.quiet(handle).send_dtmf(f"{number}#")
        return handle

    async def _dialog(self, call: Call) -> None:
        if self.consent is not None:
            (call.stop_recording if self.consent == "refused" else call.start_recording)(self.consent)
        if self.plays:
            self.options["while_waiting"] = partial(self._plays, call)
        self.results.put_nowait(await call.queue("support", **self.options))  # type: ignore[arg-type]
        await call.say("Here I am again.")

    async def _plays(self, call: Call, wait: Wait) -> None:
        tone = Recording("tone", {8_000: tones.tones((DIALOG_HZ,), 1_000, level_dbfs=-20)})
        try:
            await call.play(tone, loop=True, for_s=60)
        finally:
            self.stopped.set()

    def on_event(self, call: str, event: SessionEvent) -> None:
        if isinstance(event, ConsentNoted):
            self.noted[call] = event.consent
        if isinstance(event, BotHeard):
            self.heard.append(event.playback.text_played)
            self.changed.set()


def engines(config: Config) -> EngineSet:
    return EngineSet(config, GivenEngines(tts=VOICE))


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    office = Office(tmp_path)
    for party in office.parties:
        await party.open()
    yield office
    await office.close()
    for party in office.parties:
        await party.close()


async def test_two_callers_and_one_agent(office: Office) -> None:
    await office.open(announce=True)
    office.bot.queues.agent("anna", "login")
    first = office.call(office.first)
    leg = await office.anna.next(IncomingCall)
    await office.first.hears(AGENT_HZ, LONG)
    await office.anna.hears(FIRST_HZ, LONG)
    office.call(office.second)
    await office.says("You are next.")
    await office.second.hears(MUSIC_HZ, LONG)
    assert len(office.anna.of(IncomingCall)) == 1
    office.anna.hang_up(leg.call)
    assert await office.result() == Queued("anna")
    await office.second.hears(AGENT_HZ, LONG)
    await office.anna.hears(SECOND_HZ, LONG)
    assert not [event for event in office.first.of(LegEnded) if event.call != first]


async def test_what_a_dialog_plays_meanwhile_ends_with_the_agents_answer(office: Office) -> None:
    office.plays = True
    await office.open(empty="wait")
    office.call(office.first)
    await office.first.hears(DIALOG_HZ, LONG)
    office.bot.queues.agent("anna", "login")
    leg = await office.anna.next(IncomingCall)
    await asyncio.wait_for(office.stopped.wait(), LONG)
    await office.first.hears(AGENT_HZ, LONG)
    await office.anna.hears(FIRST_HZ, LONG)
    office.anna.hang_up(leg.call)
    assert await office.result() == Queued("anna")


async def test_a_caller_may_hang_up_while_a_dialog_plays(office: Office) -> None:
    office.plays = True
    await office.open(empty="wait")
    handle = office.call(office.first)
    await office.first.hears(DIALOG_HZ, LONG)
    office.first.hang_up(handle)
    await asyncio.wait_for(office.bot.idle(), LONG)
    assert office.stopped.is_set()
    await office.waits(0)


@pytest.mark.parametrize("by_agent", [True, False])
async def test_others_learn_of_a_talk_whoever_ends_it(office: Office, by_agent: bool) -> None:
    crm = {"url": f"http://{HOST}:9/", "allow_private": True, "events": ["call.transferred"]}
    agents: list[str] = []
    office.options["on_agent"] = agents.append
    await office.open({"webhooks": {"crm": crm}})
    office.bot.queues.agent("anna", "login")
    handle = office.call(office.first)
    leg = await office.anna.next(IncomingCall)
    await office.first.hears(AGENT_HZ, LONG)
    until = office.first.heard_ticks + 4_000  # for half a second more: what is noted of the talk is rounded
    await office.first.when(lambda: office.first.heard_ticks >= until, LONG)
    if by_agent:
        office.anna.hang_up(leg.call)
    else:
        office.first.hang_up(handle)
    await asyncio.wait_for(office.bot.idle(), LONG)
    store = office.bot.store
    assert await asyncio.to_thread(store.flush)
    (row,) = await asyncio.to_thread(store.read, lambda conn: listed(conn, "crm", 10))  # nobody listens there
    data = json.loads(row.body)["data"]
    assert (data["target"], data["by"], data["returned"]) == ("anna", "bridge", by_agent)
    assert data["talked_s"] > 0.3
    assert agents == ["anna"]


async def test_others_learn_of_a_wait_and_its_record_has_it(office: Office) -> None:
    crm = {"url": f"http://{HOST}:9/", "allow_private": True}
    await office.open({"webhooks": {"crm": crm}}, leave_key="0", empty="wait")
    handle = office.call(office.first)
    await office.first.hears(MUSIC_HZ, LONG)
    office.first.quiet(handle).send_dtmf("0")
    await office.result()
    office.first.hang_up(handle)
    await asyncio.wait_for(office.bot.idle(), LONG)
    office.bot.queues.agent("anna", "login")
    handle = office.call(office.second)
    await office.second.hears(AGENT_HZ, LONG)
    office.second.hang_up(handle)
    await asyncio.wait_for(office.bot.idle(), LONG)
    store = office.bot.store
    assert await asyncio.to_thread(store.flush)
    rows = await asyncio.to_thread(store.read, lambda conn: listed(conn, "crm", 100))  # nobody listens there
    told: dict[str, list[tuple[str, str | None, str | None]]] = {}
    for row in sorted(rows, key=lambda row: row.seq):
        data = json.loads(row.body)["data"]
        if data["part_of"] is None:
            told.setdefault(row.uniqueid, []).append((row.type, data.get("agent"), data.get("reason")))
    began = [("call.started", None, None), ("call.answered", None, None), ("queue.joined", None, None)]
    left, answered = told.values()
    assert left == [*began, ("queue.left", None, "left"), ("call.ended", None, None)]
    assert answered[:4] == [*began, ("queue.answered", "anna", None)]
    assert {type_ for type_, *_ in answered[4:]} == {"call.transferred", "call.ended"}
    of_left, of_answered = [await asyncio.to_thread(store.call, uniqueid) for uniqueid in told]
    assert of_left is not None and of_answered is not None
    assert (of_left.queue, of_left.queue_agent) == ("support", None)
    assert (of_answered.queue, of_answered.queue_agent) == ("support", "anna")
    assert 0 < (of_left.queue_wait_s or 0) < of_left.billsec and 0 < (of_answered.queue_wait_s or 0) < LONG


async def test_positions_and_a_caller_who_hangs_up(office: Office) -> None:
    await office.open(empty="wait", announce=True)
    first = office.call(office.first)
    await office.waits(1)
    office.call(office.second)
    await office.says("You are number 2 in the queue.")
    office.first.hang_up(first)
    await office.waits(1)
    office.bot.queues.agent("anna", "login")
    await office.second.hears(AGENT_HZ, LONG)
    assert len(office.anna.of(IncomingCall)) == 1


async def test_leaving_by_key(office: Office) -> None:
    await office.open(empty="wait", leave_key="0")
    handle = office.call(office.first)
    await office.first.hears(MUSIC_HZ, LONG)
    office.first.quiet(handle).send_dtmf("50")
    assert await office.result() == Queued(end=QueueEnd.LEFT)
    assert office.bot.queues.waiting("support") == []
    await office.says("Here I am again.")


async def test_an_agent_who_does_not_answer(office: Office) -> None:
    office.anna.answers = None
    await office.open(agents=["anna", "ben"], ring_s=3)
    office.bot.queues.agent("anna", "login")
    office.call(office.first)
    await office.anna.next(IncomingCall)
    office.bot.queues.agent("ben", "login")
    await office.first.hears(MUSIC_HZ, LONG)  # no ringing tone
    await office.anna.next(CallCancelled)
    await office.first.hears(OTHER_HZ, LONG)
    assert office.bot.queues.states() == {"anna": "resting", "ben": "talking"}


async def test_all_ring_and_the_first_takes_it(office: Office) -> None:
    office.anna.answers = None
    office.anna.on_event = lambda event: None
    await office.open(agents=["anna", "ben"], strategy="ring_all")
    office.ben.answers = None
    for agent in ("anna", "ben"):
        office.bot.queues.agent(agent, "login")
    office.call(office.first)
    await office.anna.next(IncomingCall)
    ringing = await office.ben.next(IncomingCall)
    assert ringing.sdp is not None
    office.ben.answer(ringing.call, ringing.sdp)
    await office.anna.next(CallCancelled)
    await office.first.hears(OTHER_HZ, LONG)
    assert office.bot.queues.states() == {"anna": "ready", "ben": "talking"}


async def test_a_caller_who_hangs_up_stops_the_ringing(office: Office) -> None:
    office.anna.answers = None
    await office.open()
    office.bot.queues.agent("anna", "login")
    handle = office.call(office.first)
    await office.anna.next(IncomingCall)
    await office.first.next(CallAnswered)
    office.first.hang_up(handle)
    await office.anna.next(CallCancelled)
    await asyncio.wait_for(office.bot.idle(), LONG)
    assert office.bot.queues.states() == {"anna": "ready"}


async def test_the_agent_hears_what_it_is_about(office: Office) -> None:
    office.options["summary"] = "A caller with a flat tyre."
    await office.open()
    office.bot.queues.agent("anna", "login")
    office.call(office.first)
    leg = await office.anna.next(IncomingCall)
    await office.anna.next(CallConfirmed)
    await office.says("A caller with a flat tyre.")
    await office.anna.hears(FIRST_HZ, LONG)
    await office.first.hears(AGENT_HZ, LONG)
    office.anna.hang_up(leg.call)
    assert await office.result() == Queued("anna")


async def test_an_agent_who_hangs_up_while_they_hear_it(office: Office) -> None:
    office.options["summary"] = "A caller with a flat tyre, on the motorway, in the rain, with two children and a dog."
    await office.open(agents=["anna", "ben"])
    office.anna.on_event = lambda event: office.anna.hang_up(event.call) if isinstance(event, CallConfirmed) else None
    office.bot.queues.agent("anna", "login")
    office.call(office.first)
    await office.anna.next(LegEnded)
    office.bot.queues.agent("ben", "login")
    await office.first.hears(OTHER_HZ, LONG)


async def test_an_agent_who_is_busy_or_cannot_be_called(office: Office) -> None:
    office.anna.answers = None

    def refuses(event: Event) -> None:
        if isinstance(event, IncomingCall):
            office.anna.do(Reject(event.call, 486))

    office.anna.on_event = refuses
    await office.open(agents=["anna", "+15550009999"], max_missed=1)
    for agent in ("anna", "+15550009999"):
        office.bot.queues.agent(agent, "login")
    office.call(office.first)
    # That a number may not be called is no fault of who has it.
    await office.becomes(anna="paused", **{"+15550009999": "resting"})
    await office.first.hears(MUSIC_HZ, LONG)


async def test_a_trunk_that_takes_no_more_calls_pauses_nobody(office: Office) -> None:
    pbx = {"host": HOST, "port": office.anna.address.port, "calls_at_once": 1}
    more: dict[str, object] = {"trunks": {"pbx": pbx}, "transfer": {"targets": {"anna": "201", "ben": "202"}}}
    await office.open(more, agents=["anna", "ben"], strategy="ring_all", max_missed=1)
    for agent in ("anna", "ben"):
        office.bot.queues.agent(agent, "login")
    office.call(office.first)  # the only call that the trunk may have
    await office.becomes(anna="resting", ben="resting")
    assert not office.anna.of(IncomingCall)


async def test_nobody_is_there_or_the_queue_is_full(office: Office) -> None:
    await office.open(max_length=1)
    office.call(office.first)
    assert await office.result() == Queued(end=QueueEnd.NO_AGENTS)
    office.bot.queues.agent("anna", "pause")
    office.call(office.first)
    await office.waits(1)
    office.call(office.second)
    assert await office.result() == Queued(end=QueueEnd.FULL)
    office.bot.queues.agent("anna", "logout")
    assert await office.result() == Queued(end=QueueEnd.NO_AGENTS)


async def test_the_longest_wait(office: Office) -> None:
    await office.open(max_wait_s=10, empty="wait")
    office.call(office.first)
    assert await asyncio.wait_for(office.results.get(), 30) == Queued(end=QueueEnd.TIMEOUT)


@pytest.mark.parametrize("plays", [False, True])
async def test_waiting_and_talking_to_an_agent_is_no_time_with_the_bot(office: Office, plays: bool) -> None:
    office.plays = plays
    await office.open({"calls": {"max_call_s": 2}}, empty="wait")
    office.call(office.first)
    await office.first.next(CallAnswered)
    await asyncio.sleep(3)  # longer than a call may last
    office.bot.queues.agent("anna", "login")
    leg = await office.anna.next(IncomingCall)
    await office.first.hears(AGENT_HZ, LONG)
    await asyncio.sleep(3)  # so does the talk
    assert not office.first.of(LegEnded)
    office.anna.hang_up(leg.call)
    assert await office.result() == Queued("anna")


async def test_a_call_back(office: Office) -> None:
    pbx = {"host": HOST, "port": office.first.address.port, "allowed_numbers": ["2*"]}
    trunk: dict[str, object] = {"trunks": {"pbx": pbx}}
    await office.open(trunk, empty="wait", call_back_key="1")
    await office.asks_for_call_back("200")
    assert await office.result() == Queued(end=QueueEnd.CALL_BACK)
    await office.first.next(LegEnded)
    assert [caller["is_call_back"] for caller in office.bot.queues.waiting("support")] == [True]
    # It outlives the process.
    await office.close()
    await office.open(trunk, empty="wait", call_back_key="1")
    office.bot.queues.agent("anna", "login")
    await office.first.next(IncomingCall)
    await office.first.hears(AGENT_HZ, LONG)
    await office.anna.hears(FIRST_HZ, LONG)
    assert office.bot.queues.states() == {"anna": "talking"}


async def test_a_number_is_called_back_once_whoever_asks(office: Office) -> None:
    pbx = {"host": HOST, "port": office.first.address.port, "allowed_numbers": ["+1555*"]}
    await office.open({"trunks": {"pbx": pbx}}, empty="wait", call_back_key="1", max_length=2)
    for count, number in enumerate(("15551234567", "0015551234567"), 1):
        await office.asks_for_call_back(number)
        assert await office.result() == Queued(end=QueueEnd.CALL_BACK)
        await office.first.next(LegEnded, count)
    assert [caller["is_call_back"] for caller in office.bot.queues.waiting("support")] == [True]
    await office.asks_for_call_back("15557654321")
    await office.says("We cannot call that number.")  # half of those who wait
    assert [caller["is_call_back"] for caller in office.bot.queues.waiting("support")] == [True, False]


@pytest.mark.parametrize(("consent", "record_consent"), [("refused", False), ("given", True)])
async def test_what_was_said_to_being_recorded_holds_for_the_call_back(
    office: Office, tmp_path: Path, consent: Consent, record_consent: bool
) -> None:
    pbx = {"host": HOST, "port": office.first.address.port, "allowed_numbers": ["2*"]}
    records = {"dir": tmp_path, "record_audio": True, "record_consent": record_consent}
    await office.open({"trunks": {"pbx": pbx}, "records": records}, empty="wait", call_back_key="1")
    office.consent = consent
    await office.asks_for_call_back("200")
    assert await office.result() == Queued(end=QueueEnd.CALL_BACK)
    await office.first.next(LegEnded)
    office.bot.queues.agent("anna", "login")
    await office.first.next(IncomingCall)
    await office.first.hears(AGENT_HZ, LONG)
    await office.close()
    assert list(office.noted.values()) == [consent, consent]
    kept = {path.stem for path in (tmp_path / "recordings").glob("*.wav")}
    assert kept & set(office.noted) == (set() if consent == "refused" else set(office.noted))


async def test_a_number_that_must_not_be_called(office: Office) -> None:
    await office.open(empty="wait", call_back_key="1")
    handle = office.call(office.first)
    await office.first.hears(MUSIC_HZ, LONG)
    office.first.quiet(handle).send_dtmf("1")
    await office.says("To be called back at")
    office.first.quiet(handle).send_dtmf("09005550000#")
    await office.says("We cannot call that number.")
    await office.first.hears(MUSIC_HZ, LONG)
    assert [caller["is_call_back"] for caller in office.bot.queues.waiting("support")] == [False]


async def test_who_was_logged_in_is_so_again(office: Office) -> None:
    await office.open(agents=["anna", "ben"])
    office.bot.queues.agent("anna", "login")
    office.bot.queues.agent("ben", "pause")
    await office.close()
    await office.open(agents=["ben", "anna"])
    assert office.bot.queues.states() == {"anna": "ready", "ben": "paused"}
    with pytest.raises(UserError, match="there is no agent `bem`"):
        office.bot.queues.agent("bem", "login")
    with pytest.raises(UserError, match="cannot `dance`"):
        office.bot.queues.agent("ben", "dance")

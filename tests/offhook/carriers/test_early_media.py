"""What the bot says before it answers, over real SIP and RTP."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from offhook.api.agent import DialogAgent
from offhook.api.call import Call
from offhook.api.call_ended import CallEnded
from offhook.api.early_media import EarlyDialog
from offhook.carriers import inbound_call
from offhook.engines.engine_set import EngineSet
from offhook.engines.registry import GivenEngines
from offhook.pipeline.events import Answer as TurnAnswer
from offhook.pipeline.tts.recorded import RecordedEngine
from offhook.process.local_bot import LocalBot
from offhook.records import Disposition
from offhook.settings.config import Config
from offhook.sip.commands import Answer, Cancel, Invite, Reject, Ring, Update
from offhook.sip.events import (
    CallAnswered,
    CallCancelled,
    CallProgress,
    CallRejected,
    EarlyMediaConfirmed,
    Event,
    IncomingCall,
    ReinviteAnswered,
)
from offhook.sip.policy import DialogPolicy, Use
from offhook.sip.refer.events import ReferReceived
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.negotiate import LocalMedia, make_offer
from offhook.telephony import tones
from offhook.transfer.outcome import TransferError, TransferMode
from offhook.usererror import UserError
from tests.offhook.bots import LIGHT_ENGINES, record_of
from tests.offhook.carriers.parties import HOST, Party
from tests.ports import own_rtp
from tests.signals import wav

CALLER_HZ, AGENT_HZ, BOT_HZ = 700.0, 1_300.0, 2_100.0

PLAIN = DialogPolicy(reliable_provisionals=Use.OFF)

VOICE = RecordedEngine(wav(tones.tones((BOT_HZ,), 800, level_dbfs=-20), 8_000))

Talk = Callable[[Call], Awaitable[None]]
Begin = Callable[[Talk], Awaitable[LocalBot]]


def noise(duration_ms: int) -> bytes:
    """A loud sound that is no tone."""
    return np.random.default_rng(1).normal(0, 3_000, 8 * duration_ms).astype(np.int16).tobytes()


def _engines(config: Config) -> EngineSet:
    return EngineSet(config, GivenEngines(tts=VOICE))


@pytest.fixture
async def caller() -> AsyncIterator[Party]:
    party = Party(CALLER_HZ)
    await party.open()
    yield party
    await party.close()


@pytest.fixture
async def agent() -> AsyncIterator[Party]:
    party = Party(AGENT_HZ, answers=None)
    await party.open()
    yield party
    await party.close()


@pytest.fixture
async def begin(tmp_path: Path, agent: Party) -> AsyncIterator[Begin]:
    """Starts a bot whose dialog begins in early media."""
    bots: list[LocalBot] = []

    async def start(dialog: Talk) -> LocalBot:
        settings: dict[str, dict[str, object]] = {
            "sip": {"host": HOST, "port": 0},
            "http": {"enabled": False},
            "rtp": own_rtp(),
            "records": {"dir": tmp_path},
            "transfer": {"targets": {"desk": f"sip:desk@{agent.address}"}},
            **LIGHT_ENGINES,
        }
        bot = LocalBot(Config.load(None, settings), EarlyDialog(DialogAgent(dialog)), engines=_engines)
        bots.append(bot)
        await bot.start()
        return bot

    yield start
    for bot in bots:
        await bot.stop()


@pytest.mark.parametrize("policy", [None, PLAIN])
async def test_the_caller_hears_the_bot_before_it_answers(
    begin: Begin, caller: Party, policy: DialogPolicy | None
) -> None:
    heard, seen = asyncio.Event(), list[bool]()

    async def dialog(call: Call) -> None:
        seen.append(call.answered)
        while not heard.is_set():
            await call.say("Please hold.", barge_in=False)
        await call.answer()
        seen.append(call.answered)
        await call.answer()  # once more: nothing happens
        with pytest.raises(UserError, match="it is answered"):
            await call.reject()
        await call.say("Hello.", barge_in=False)

    bot = await begin(dialog)
    caller.call(f"sip:bot@{bot.sip_address}", policy=policy)
    early = await caller.next(CallProgress)
    assert early.status == 183
    await caller.hears(BOT_HZ)
    assert caller.of(CallAnswered) == []
    heard.set()
    await caller.next(CallAnswered)
    record = await record_of(bot)
    assert seen == [False, True]
    assert (record.disposition, record.end_reason) == (Disposition.ANSWERED, "bot hung up")
    assert record.answer is not None and record.early_media_s is not None
    # What was said before the answer is no part of the time that is billed.
    assert 0 < record.early_media_s <= record.duration - record.billsec + 0.05


@pytest.mark.parametrize(
    ("status", "disposition"), [(486, Disposition.BUSY), (603, Disposition.NO_ANSWER), (None, Disposition.NO_ANSWER)]
)
async def test_an_announcement_and_no_answer(
    begin: Begin, caller: Party, status: int | None, disposition: Disposition
) -> None:
    async def dialog(call: Call) -> None:
        await call.say("We are closed.", barge_in=False)
        if status is not None:
            await call.reject(status)
            with pytest.raises(CallEnded):
                await call.answer()

    bot = await begin(dialog)
    caller.call(f"sip:bot@{bot.sip_address}")
    rejected = await caller.next(CallRejected)
    assert rejected.status == (status or 480)
    record = await record_of(bot)
    assert (record.disposition, record.sip_status, record.answer, record.billsec) == (
        disposition,
        rejected.status,
        None,
        0,
    )
    assert (record.ended_by, record.end_reason) == ("bot", f"not answered, but refused with {rejected.status}")
    assert record.early_media_s
    (said,) = (await asyncio.to_thread(bot.store.transcript, record.uniqueid))[:1]
    assert (said.who, said.text) == ("bot", "We are closed.")


async def test_a_dialog_that_fails_is_no_answer(begin: Begin, caller: Party) -> None:
    async def dialog(call: Call) -> None:
        raise KeyError("a bug")

    bot = await begin(dialog)
    caller.call(f"sip:bot@{bot.sip_address}")
    assert (await caller.next(CallRejected)).status == 500
    assert (await record_of(bot)).disposition is Disposition.FAILED


async def test_a_caller_who_gives_up_while_the_bot_speaks(begin: Begin, caller: Party) -> None:
    ended = asyncio.Event()

    async def dialog(call: Call) -> None:
        try:
            while True:
                await call.say("Please hold.", barge_in=False)
        except CallEnded:
            ended.set()
            raise

    bot = await begin(dialog)
    handle = caller.call(f"sip:bot@{bot.sip_address}")
    await caller.next(CallProgress)
    await caller.hears(BOT_HZ)
    caller.do(Cancel(handle))
    assert (await caller.next(CallRejected)).status == 487
    await asyncio.wait_for(ended.wait(), 5)
    record = await record_of(bot)
    assert (record.disposition, record.ended_by) == (Disposition.NO_ANSWER, "caller")
    assert record.end_reason == "cancelled before it was answered"
    assert record.early_media_s and record.answer is None


@pytest.mark.parametrize("by", ["key", "speech"])
async def test_the_caller_interrupts_early_media(begin: Begin, caller: Party, by: str) -> None:
    answers: list[TurnAnswer] = []

    async def dialog(call: Call) -> None:
        text = "To wait, press one. " + "To leave, press two. " * 9
        answers.append(await call.ask(text, digits=1 if by == "key" else None, silence_ms=200))
        await call.reject(486)

    bot = await begin(dialog)
    handle = caller.call(f"sip:bot@{bot.sip_address}")
    await caller.next(CallProgress)
    line = caller.quiet(handle)
    await caller.hears(BOT_HZ)
    if by == "key":
        line.send_dtmf("2")
    else:
        line.play(line.encode(noise(700) + bytes(16_000)))
    await caller.next(CallRejected)
    (answer,) = answers
    assert (answer.digits == "2") if by == "key" else answer.text
    assert (await record_of(bot)).barge_ins == 1


async def test_an_agent_answers_for_a_caller_who_waits(begin: Begin, caller: Party, agent: Party) -> None:
    """A bridge from early media: the caller pays for nothing before the agent talks to them."""
    results: list[object] = []

    async def dialog(call: Call) -> None:
        results.append(await call.transfer("desk"))

    answers: list[bytes] = []

    def ring(event: Event) -> None:
        if isinstance(event, IncomingCall) and event.sdp is not None:
            answers.append(agent.early(event.call, event.sdp))
            agent.do(Ring(event.call, 183, answers[0]))

    agent.on_event = ring
    bot = await begin(dialog)
    handle = caller.call(f"sip:bot@{bot.sip_address}")
    leg = await agent.next(IncomingCall)
    await caller.hears(AGENT_HZ)
    assert caller.of(CallAnswered) == []
    agent.do(Answer(leg.call, answers[0]))
    await caller.next(CallAnswered)
    await agent.hears(CALLER_HZ)
    caller.hang_up(handle)
    await asyncio.wait_for(bot.idle(), 5)


async def test_an_agents_phone_changes_its_media_before_it_answers(begin: Begin, caller: Party, agent: Party) -> None:
    async def dialog(call: Call) -> None:
        await call.transfer("desk")

    answers: list[bytes] = []

    def ring(event: Event) -> None:
        if isinstance(event, IncomingCall) and event.sdp is not None:
            answers.append(agent.early(event.call, event.sdp))
            agent.do(Ring(event.call, 183, answers[0]))

    agent.on_event = ring
    bot = await begin(dialog)
    handle = caller.call(f"sip:bot@{bot.sip_address}")
    leg = await agent.next(EarlyMediaConfirmed)
    agent.do(Update(leg.call, make_offer(LocalMedia(HOST, 40_000, 1, 2), AudioCapabilities(("PCMU",)))))
    assert (await agent.next(ReinviteAnswered)).sdp is not None
    assert caller.of(CallAnswered) == []
    agent.do(Answer(leg.call, answers[0]))
    await caller.next(CallAnswered)
    caller.hang_up(handle)
    await asyncio.wait_for(bot.idle(), 5)


async def test_a_caller_who_gives_up_while_the_agents_phone_rings(begin: Begin, caller: Party, agent: Party) -> None:
    async def dialog(call: Call) -> None:
        await call.transfer("desk")

    bot = await begin(dialog)
    handle = caller.call(f"sip:bot@{bot.sip_address}")
    await agent.next(IncomingCall)
    caller.do(Cancel(handle))
    await agent.next(CallCancelled)
    assert (await caller.next(CallRejected)).status == 487
    await asyncio.wait_for(bot.idle(), 5)


@pytest.mark.parametrize("mode", ["refer", "attended"])
async def test_other_transfers_answer_first(begin: Begin, caller: Party, agent: Party, mode: TransferMode) -> None:
    async def dialog(call: Call) -> None:
        await call.transfer("desk", mode=mode)

    bot = await begin(dialog)
    caller.call(f"sip:bot@{bot.sip_address}")
    await caller.next(CallAnswered)
    if mode == "refer":
        await caller.next(ReferReceived)
    else:
        await agent.next(IncomingCall)


async def test_the_caller_moves_its_media_before_the_answer(begin: Begin, caller: Party) -> None:
    """An UPDATE in early media, which is no confirmation of an answer."""
    go_on = asyncio.Event()

    async def dialog(call: Call) -> None:
        await go_on.wait()
        await call.answer()

    bot = await begin(dialog)
    handle = caller.call(f"sip:bot@{bot.sip_address}")
    await caller.next(CallProgress)
    offer = make_offer(LocalMedia(HOST, 40_000, 1, 2), AudioCapabilities(("PCMU",)))
    caller.do(Update(handle, offer))
    await caller.next(ReinviteAnswered)
    assert caller.of(CallAnswered) == []
    go_on.set()
    answered = await caller.next(CallAnswered)
    assert answered.sdp is None  # that of the UPDATE holds
    assert (await record_of(bot)).disposition is Disposition.ANSWERED


async def test_an_agent_who_is_busy_leaves_the_caller_in_early_media(begin: Begin, caller: Party, agent: Party) -> None:
    async def dialog(call: Call) -> None:
        try:
            await call.transfer("desk")
        except TransferError as error:
            await call.say("They are busy.", barge_in=False)
            await call.reject(error.status or 480)

    def busy(event: Event) -> None:
        if isinstance(event, IncomingCall):
            agent.do(Reject(event.call, 486))

    agent.on_event = busy
    bot = await begin(dialog)
    caller.call(f"sip:bot@{bot.sip_address}")
    assert (await caller.next(CallRejected)).status == 486


async def test_nothing_is_sent_to_who_has_not_asked(
    begin: Begin, caller: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An INVITE with somebody else's address in it, or in its SDP: one datagram must not bring them a stream of RTP."""
    monkeypatch.setattr(inbound_call, "REACHED_S", 0.1)
    said = asyncio.Event()

    async def dialog(call: Call) -> None:
        await call.say("Hello.", barge_in=False)
        said.set()

    bot = await begin(dialog)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        victim.bind((HOST, 0))
        victim.setblocking(False)
        offer = make_offer(LocalMedia(HOST, victim.getsockname()[1], 1, 1), AudioCapabilities(("PCMU",)))
        caller.do(Invite(f"sip:bot@{bot.sip_address}", offer, policy=PLAIN))
        await asyncio.wait_for(said.wait(), 5)
        with pytest.raises(BlockingIOError):
            victim.recv(2_000)


async def test_without_an_offer_the_call_is_answered_at_once(begin: Begin, caller: Party) -> None:
    async def dialog(call: Call) -> None:
        """Never begun: the ACK has no answer."""

    bot = await begin(dialog)
    caller.do(Invite(f"sip:bot@{bot.sip_address}", b""))
    answered = await caller.next(CallAnswered)
    assert answered.sdp is not None
    assert caller.of(CallProgress) == []

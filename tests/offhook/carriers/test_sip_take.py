"""Agents who call in to take callers from a queue, over real SIP and RTP, and over two workers."""

import asyncio
import json
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from offhook.api.call import Call
from offhook.api.call_recording import Consent
from offhook.api.queued import Queued
from offhook.api.taken import TakeEnd, Taken
from offhook.calls.without_words import NOT_KEPT
from offhook.process.allotments import worker_specs
from offhook.process.free_ports import with_free_ports
from offhook.process.supervisor import Supervisor
from offhook.process.worker_source import LocalWorkers
from offhook.queues.orders import QueueEnd
from offhook.records.outbox import listed
from offhook.settings.config import Config
from offhook.sip.events import CallEnded as LegEnded
from offhook.sip.events import IncomingCall
from offhook.usererror import UserError
from tests.offhook.carriers.parties import HOST, Party
from tests.offhook.carriers.test_sip_queue import (
    AGENT_HZ,
    BOT_HZ,
    FIRST_HZ,
    LONG,
    MUSIC_HZ,
    OTHER_HZ,
    SECOND_HZ,
    Office,
    engines,
)

PORT = "X-Port"
WINDOW_SAMPLES = 800
"""A whole number of cycles of each tone here."""


class Desk(Office):
    """Who calls `agents` takes a caller of the queue, others wait in it; `taken` is what became of the former. The bot
    has two workers, and calls go to one after the other."""

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(tmp_path)
        self.taken: asyncio.Queue[Taken | UserError] = asyncio.Queue()
        self.take: dict[str, object] = {"name": "support"}
        self.takes = 1
        """How often each does so."""
        self.workers = LocalWorkers([])
        self._ids: dict[str, str] = {}

    def make_bot(self, config: Config) -> Supervisor:
        config = with_free_ports(config)
        specs = worker_specs(config, self._dialog, 2, 2, None, engines)
        for spec in specs:
            spec.listeners.append(self.on_event)
        self.workers = LocalWorkers(specs)
        return Supervisor(config, self.workers, 2, engines_table=specs[0].engines_table)

    def call(self, party: Party) -> str:
        return party.call(f"sip:bot@{self.bot.sip_address}", (PORT, str(party.address.port)))

    def calls_in(self, party: Party) -> str:
        return party.call(f"sip:agents@{self.bot.sip_address}", (PORT, str(party.address.port)))

    async def took(self) -> Taken | UserError:
        return await asyncio.wait_for(self.taken.get(), LONG)

    def id_of(self, party: Party) -> str:
        """That of its call's record."""
        return self._ids[str(party.address.port)]

    @property
    def calls(self) -> list[int]:
        """Of each worker."""
        return [len(worker.host.calls) for worker in self.workers.workers.values()]

    @property
    def called_in(self) -> list[str]:
        """What those do who have called in."""
        agents = self.bot.queues.dump()["called_in"]
        assert isinstance(agents, dict)
        return [agent["state"] for agent in agents.values()]

    async def agents(self, *states: str) -> None:
        """Wait until those who have called in do this."""
        async with asyncio.timeout(LONG):
            while self.called_in != list(states):  # noqa: ASYNC110 - no event says so
                await asyncio.sleep(0.02)

    async def _dialog(self, call: Call) -> None:
        self._ids[call.headers.get(PORT) or ""] = call.id
        if "agents@" not in call.called:
            await super()._dialog(call)
            return
        for _ in range(self.takes):
            try:
                self.taken.put_nowait(await call.take(**self.take))  # type: ignore[arg-type]
            except UserError as error:
                self.taken.put_nowait(error)
        await call.say("Thank you.")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    for party in desk.parties:
        await party.open()
    yield desk
    await desk.close()
    for party in desk.parties:
        await party.close()


async def talk(desk: Desk) -> tuple[str, str]:
    """The first party waits, ben calls in, and both talk; their handles."""
    first = desk.call(desk.first)
    await desk.waits(1)
    leg = desk.calls_in(desk.ben)
    await desk.ben.hears(FIRST_HZ, LONG)
    await desk.first.hears(OTHER_HZ, LONG)
    return first, leg


async def test_a_caller_waits_and_an_agent_calls_in(desk: Desk) -> None:
    await desk.open(empty="wait")
    _, leg = await talk(desk)
    assert (desk.called_in, desk.calls) == (["talking"], [1, 1])
    desk.ben.hang_up(leg)
    assert await desk.result() == Queued(desk.id_of(desk.ben))
    await desk.says("Here I am again.")
    await desk.agents()


async def test_an_agent_waits_and_a_caller_comes(desk: Desk) -> None:
    await desk.open()  # nobody waits while no agent is there, but one is
    desk.calls_in(desk.ben)
    await desk.ben.hears(MUSIC_HZ, LONG)
    assert desk.called_in == ["ready"]
    first = desk.call(desk.first)
    await desk.ben.hears(FIRST_HZ, LONG)
    await desk.first.hears(OTHER_HZ, LONG)
    desk.first.hang_up(first)
    assert await desk.took() == Taken(desk.id_of(desk.first))
    await desk.says("Thank you.")
    await desk.agents()


async def test_who_waits_is_not_sent_away_while_the_agent_is_between_two_callers(desk: Desk) -> None:
    desk.takes = 2
    await desk.open()  # nobody waits while no agent is there
    desk.calls_in(desk.ben)
    await desk.agents("ready")
    first = desk.call(desk.first)
    await desk.ben.hears(FIRST_HZ, LONG)
    desk.call(desk.second)
    await desk.waits(1)
    desk.first.hang_up(first)
    assert await desk.took() == Taken(desk.id_of(desk.first))
    await desk.ben.hears(SECOND_HZ, LONG)


async def test_each_of_two_agents_gets_a_caller_in_their_order(desk: Desk) -> None:
    await desk.open(empty="wait")
    desk.calls_in(desk.ben)
    await desk.agents("ready")
    desk.calls_in(desk.anna)
    await desk.agents("ready", "ready")
    desk.call(desk.first)
    await desk.first.hears(OTHER_HZ, LONG)
    desk.call(desk.second)
    await desk.second.hears(AGENT_HZ, LONG)
    await desk.anna.hears(SECOND_HZ, LONG)
    assert desk.called_in == ["talking", "talking"]


async def test_who_has_called_in_comes_before_phones_that_ring(desk: Desk) -> None:
    await desk.open(logged_in=True)
    desk.calls_in(desk.ben)
    await desk.agents("ready")
    desk.call(desk.first)
    await desk.first.hears(OTHER_HZ, LONG)
    assert not desk.anna.of(IncomingCall)
    desk.call(desk.second)
    await desk.second.hears(AGENT_HZ, LONG)


async def test_keys_pass_and_one_of_the_agent_ends_the_talk(desk: Desk) -> None:
    desk.take["return_key"] = "*"
    await desk.open(empty="wait")
    first, leg = await talk(desk)
    desk.ben.quiet(leg).send_dtmf("5")
    await desk.first.when(lambda: desk.first.keys == "5")
    desk.first.quiet(first).send_dtmf("*7")
    await desk.ben.when(lambda: desk.ben.keys == "*7")
    desk.ben.quiet(leg).send_dtmf("*")
    assert await desk.took() == Taken(desk.id_of(desk.first))
    assert await desk.result() == Queued(desk.id_of(desk.ben))
    assert desk.first.keys == "5"


async def test_a_talk_has_a_limit(desk: Desk) -> None:
    desk.take["limit_s"] = 1.0
    await desk.open(empty="wait")
    await talk(desk)
    taken = await desk.took()
    assert isinstance(taken, Taken) and taken.talked_s >= 1.0
    assert await desk.result() == Queued(desk.id_of(desk.ben))


async def test_nobody_comes(desk: Desk) -> None:
    desk.take["wait_s"] = 0.5
    await desk.open(empty="wait")
    desk.calls_in(desk.ben)
    assert await desk.took() == Taken(end=TakeEnd.TIMEOUT)
    await desk.agents()
    desk.call(desk.first)
    await desk.waits(1)


async def test_a_queue_that_there_is_not(desk: Desk) -> None:
    desk.take["name"] = "suport"
    await desk.open()
    desk.calls_in(desk.ben)
    error = await desk.took()
    assert isinstance(error, UserError) and "support" in str(error)


async def test_an_agent_who_hangs_up_while_waiting_is_there_no_more(desk: Desk) -> None:
    await desk.open()
    leg = desk.calls_in(desk.ben)
    await desk.agents("ready")
    desk.ben.hang_up(leg)
    await desk.agents()
    desk.call(desk.first)
    assert await desk.result() == Queued(end=QueueEnd.NO_AGENTS)


async def test_the_agent_hears_the_summary_and_the_caller_the_music_until_then(desk: Desk) -> None:
    desk.options["summary"] = "A caller with a flat tyre."
    await desk.open(empty="wait")
    desk.call(desk.first)
    await desk.waits(1)
    desk.calls_in(desk.ben)
    await desk.ben.hears(BOT_HZ, LONG)
    await desk.ben.hears(FIRST_HZ, LONG)
    assert desk.heard == ["A caller with a flat tyre."]


async def test_a_caller_who_leaves_during_the_summary_costs_the_agent_nothing(desk: Desk) -> None:
    desk.options["summary"] = "A caller with a flat tyre."
    await desk.open(empty="wait")
    first = desk.call(desk.first)
    await desk.waits(1)
    desk.calls_in(desk.ben)
    await desk.agents("ringing")
    desk.first.hang_up(first)
    await desk.agents("ready")
    desk.call(desk.second)
    await desk.ben.hears(SECOND_HZ, LONG)


async def test_an_agent_who_leaves_during_the_summary_costs_the_caller_nothing(desk: Desk) -> None:
    desk.options["summary"] = "A caller with a flat tyre."
    await desk.open(empty="wait")
    desk.call(desk.first)
    await desk.waits(1)
    leg = desk.calls_in(desk.ben)
    await desk.agents("ringing")
    desk.ben.hang_up(leg)
    await desk.agents()
    await desk.waits(1)
    assert desk.results.empty()
    desk.calls_in(desk.anna)
    await desk.first.hears(AGENT_HZ, LONG)


@pytest.mark.parametrize("of_agent", [True, False])
async def test_a_worker_that_dies_ends_the_talk_of_the_other(desk: Desk, of_agent: bool) -> None:
    await desk.open(empty="wait")
    await talk(desk)
    hosts = [worker.host for worker in desk.workers.workers.values()]
    dies = next(
        index for index, host in enumerate(hosts) if (desk.id_of(desk.ben) in str(host.calls.dump(10))) is of_agent
    )
    desk.workers.kill(dies, None)
    if of_agent:
        assert await desk.result() == Queued(desk.id_of(desk.ben))
        await desk.first.next(LegEnded)
    else:
        assert await desk.took() == Taken(desk.id_of(desk.first))
        await desk.ben.next(LegEnded)
    await desk.agents()


async def test_others_learn_of_it_and_the_records_are_linked(desk: Desk) -> None:
    crm = {"url": f"http://{HOST}:9/", "allow_private": True, "events": ["queue.answered", "call.transferred"]}
    await desk.open({"webhooks": {"crm": crm}}, empty="wait")
    _, leg = await talk(desk)
    desk.ben.hang_up(leg)
    await asyncio.wait_for(desk.bot.idle(), LONG)
    store, ben, first = desk.bot.store, desk.id_of(desk.ben), desk.id_of(desk.first)
    assert await asyncio.to_thread(store.flush)
    rows = await asyncio.to_thread(store.read, lambda conn: listed(conn, "crm", 10))  # nobody listens there
    told = [(row.uniqueid, row.type, json.loads(row.body)["data"]) for row in rows]
    assert [(call, type_) for call, type_, _ in told] == [(first, "queue.answered"), (first, "call.transferred")]
    assert (told[0][2]["agent"], told[1][2]["target"], told[1][2]["returned"]) == (ben, ben, True)
    of_caller = await asyncio.to_thread(store.call, first)
    assert of_caller is not None and (of_caller.queue, of_caller.queue_agent) == ("support", ben)


@pytest.mark.parametrize("consent", ["given", "refused"])
async def test_a_talk_and_its_summary_are_kept_with_the_callers_call_alone(
    desk: Desk, tmp_path: Path, consent: Consent
) -> None:
    desk.consent = consent
    desk.options["summary"] = "A caller with a flat tyre."
    await desk.open({"records": {"dir": tmp_path, "record_audio": True}}, empty="wait")
    _, leg = await talk(desk)
    desk.ben.hang_up(leg)
    await asyncio.wait_for(desk.bot.idle(), LONG)
    first, ben = desk.id_of(desk.first), desk.id_of(desk.ben)
    store = desk.bot.store
    assert await asyncio.to_thread(store.flush)
    lines = await asyncio.to_thread(store.transcript, ben)
    assert [line.text for line in lines if line.who == "bot"] == [NOT_KEPT]
    await desk.close()
    assert [has(tmp_path, ben, hz) for hz in (FIRST_HZ, BOT_HZ)] == [False, False]
    assert [has(tmp_path, first, hz) for hz in (FIRST_HZ, OTHER_HZ)] == [consent == "given"] * 2


async def test_what_follows_a_talk_is_kept_with_the_agents_call_again(desk: Desk, tmp_path: Path) -> None:
    await desk.open({"records": {"dir": tmp_path, "record_audio": True}}, empty="wait")
    first, _ = await talk(desk)
    desk.first.hang_up(first)
    await asyncio.wait_for(desk.bot.idle(), LONG)
    ben, store = desk.id_of(desk.ben), desk.bot.store
    assert await asyncio.to_thread(store.flush)
    lines = await asyncio.to_thread(store.transcript, ben)
    assert [line.text for line in lines if line.who == "bot"] == ["Thank you."]
    await desk.close()
    assert [has(tmp_path, ben, hz) for hz in (FIRST_HZ, BOT_HZ)] == [False, True]


def has(folder: Path, call: str, hz: float) -> bool:
    """Whether a call's recording has a tone, on either side. Where nothing was recorded there is no file."""
    path = folder / "recordings" / f"{call}.wav"
    if not path.exists():
        return False
    with wave.open(str(path)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
    turned = pcm * np.exp(-2j * np.pi * hz / 8_000 * np.arange(len(pcm)))[:, None]
    whole = len(pcm) - len(pcm) % WINDOW_SAMPLES
    return bool(np.abs(turned[:whole].reshape(-1, WINDOW_SAMPLES, 2).mean(axis=1)).max(initial=0) > 300)

"""Calls out: where their INVITEs go, with whose password, and what is said when they cannot."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

import pytest

from offhook.carriers.call_out import CallOut
from offhook.carriers.place_call import LegRefused, LegWanted, PlaceCall
from offhook.observe.metrics import Metrics
from offhook.observe.refusals import Reason, Refusal
from offhook.process.calls_out import CallsOut
from offhook.process.trunks import Trunks
from offhook.settings.config import Config
from offhook.sip.commands import Command, Invite
from offhook.sip.events import CallRejected
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.net.flow import Target, Transport
from offhook.sip.net.records import Naptr, Srv
from offhook.sip.net.tls import Tls, TlsFiles
from offhook.usererror import UserError

HOST = "127.0.0.1"
TRUNK = {"host": "127.0.0.7", "user": "bot", "password": "secret"}


class Names:
    """Domains; a `broken` one is looked up by code that fails."""

    broken = "broken.example"

    async def naptr(self, name: str) -> tuple[Sequence[Naptr], float]:
        return (), 60.0

    async def srv(self, name: str) -> tuple[Sequence[Srv], float]:
        return (), 60.0

    async def addresses(self, name: str, *, ipv6: bool) -> tuple[Sequence[str], float]:
        if name == self.broken:
            raise ValueError("this is not written for such names")
        return (), 60.0


class Bench:
    """The calls out of a bot: what its user agent is to do, and what its workers get, is taken down."""

    def __init__(self) -> None:
        self.config = Config()
        self.done: asyncio.Queue[Command] = asyncio.Queue()
        self.sent: asyncio.Queue[object] = asyncio.Queue()
        self.refusal: Refusal | None = None
        self.endpoint: Endpoint | None = None

    async def begin(self, *, tls: bool = False, **sections: Mapping[str, object]) -> CallsOut:
        self.config = Config.load(None, {"trunks": {"pbx": TRUNK}, **sections})
        trunks = Trunks(self.config.trunks, Metrics(), lambda networks: None)
        self.endpoint = await Endpoint.open(
            HOST, 0, lambda event: None, records=Names(), tcp=True, tls=Tls(TlsFiles(), port=0) if tls else None
        )
        calls = CallsOut(
            self.config,
            trunks,
            do=self.done.put_nowait,
            send=lambda call, event: self.sent.put_nowait(event),
            give=self.give,
        )
        calls.start(self.endpoint)
        trunks._endpoint = self.endpoint  # it looks up, and does no more
        return calls

    def give(self, place: PlaceCall) -> Refusal | None:
        if self.refusal is None:
            self.sent.put_nowait(place)
        return self.refusal

    async def next(self) -> object:
        return await asyncio.wait_for(self.sent.get(), 5)

    async def invite(self, calls: CallsOut) -> Invite:
        """The worker's part."""
        place = await self.next()
        assert isinstance(place, PlaceCall)
        calls.invite(replace(place.invite, sdp=b"v=0\r\n"))
        return await self.invited()

    async def invited(self) -> Invite:
        """What the user agent is to do."""
        invite = await asyncio.wait_for(self.done.get(), 5)
        assert isinstance(invite, Invite)
        return invite


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    one = Bench()
    yield one
    if one.endpoint is not None:
        one.endpoint.close()


REQUIRED = {"rtp": {"srtp": "required"}}


@pytest.mark.parametrize(("to", "user"), [("100", "bot"), ("sip:100@127.0.0.7:5080", "bot"), ("sip:100@127.0.0.8", "")])
async def test_a_direct_call_proves_nobodys_password(bench: Bench, to: str, user: str) -> None:
    calls = await bench.begin()
    await calls.place(CallOut(to))
    invite = await bench.invite(calls)
    assert invite.auth_user == user
    if user:
        assert invite.destination == Target(Transport.UDP, Address("127.0.0.7", 5060))


async def test_nor_does_a_direct_call_to_another_party(bench: Bench) -> None:
    address = "sip:100@127.0.0.7:5080"
    calls = await bench.begin()
    calls.leg(LegWanted("leg", address, "pbx", "127.0.0.7"))
    invite = await bench.invite(calls)
    assert (invite.target, invite.auth_user) == (address, "")


async def test_but_the_limits_of_the_trunk_there_count(bench: Bench) -> None:
    calls = await bench.begin(trunks={"pbx": {**TRUNK, "calls_at_once": 1}})
    calls.leg(LegWanted("one", "sip:100@127.0.0.7:5080", "pbx", "127.0.0.7"))
    assert isinstance(await bench.next(), PlaceCall)
    for to in ("sip:100@127.0.0.7:5090", "sip:100@127.0.0.7;transport=tcp", "100"):
        calls.leg(LegWanted("two", to, "pbx", "127.0.0.7"))
        refused = await bench.next()
        assert isinstance(refused, LegRefused)
        assert "takes no more calls" in refused.why


async def test_a_trunk_without_a_user_proves_no_other_ones_password(bench: Bench) -> None:
    calls = await bench.begin(trunks={"pbx": TRUNK, "line": {"host": "127.0.0.7"}})
    await calls.place(CallOut("100", trunk="line"))
    assert (await bench.invite(calls)).auth_user == ""


@pytest.mark.parametrize("to", ["sip:100@127.0.0.8", "sip:100@127.0.0.8;transport=tcp", "100"])
async def test_keys_are_never_sent_in_the_clear(bench: Bench, to: str) -> None:
    calls = await bench.begin(tls=True, **REQUIRED)
    with pytest.raises(UserError, match=r"keys for media can be read over (UDP|TCP)"):
        await calls.place(CallOut(to))
    calls.leg(LegWanted("leg", to, "pbx", "127.0.0.7"))
    refused = await bench.next()
    assert isinstance(refused, LegRefused)
    assert "keys for media can be read" in refused.why


@pytest.mark.parametrize(("contact", "goes"), [("sip:2@127.0.0.9", False), ("sip:2@127.0.0.9;transport=tls", True)])
async def test_a_redirection_is_not_followed_to_where_keys_can_be_read(bench: Bench, contact: str, goes: bool) -> None:
    calls = await bench.begin(tls=True, outbound={"allowed_addresses": ["*@127.0.0.8", "*@127.0.0.9"]}, **REQUIRED)
    call = await calls.place(CallOut("sip:1@127.0.0.8;transport=tls"))
    assert (await bench.invite(calls)).secure
    assert not calls.on_event(CallRejected(call, 302, "Moved", contacts=(contact,)))
    await bench.next()  # it is forwarded
    if goes:
        invite = await bench.invited()
        assert (invite.target, invite.transport, invite.secure) == (contact, Transport.TLS, True)
        return
    refused = await bench.next()
    assert isinstance(refused, CallRejected)
    assert refused.status == 302
    assert "keys for media can be read over UDP" in refused.reason
    assert bench.done.empty()


@pytest.mark.parametrize(
    "to",
    [
        "sip:1@nowhere.example",
        "sip:1@broken.example",
        "sip:1@192.0.2.7",  # not from this machine's loopback
        "sip:1@[::1",
        "sips:1@127.0.0.8",  # without TLS
        f"sip:1@{'a' * 64}.example",
        f"sip:1@{'a.' * 120}example",
        "sip:1@xn--\udc80.example",
        "sip:1@127.0.0.8;maddr=\xff",
        "sip:1@127.0.0.8;transport=ws",
        "\x00",
    ],
)
async def test_whatever_is_wanted_has_an_answer(bench: Bench, to: str) -> None:
    calls = await bench.begin()
    calls.leg(LegWanted("leg", to, "", HOST))
    answer = await bench.next()
    if to.startswith("sips:"):
        assert isinstance(answer, PlaceCall)  # the user agent says that it has no TLS
    else:
        assert isinstance(answer, LegRefused)
        assert answer.why


async def test_no_worker_for_a_leg_is_an_answer(bench: Bench) -> None:
    calls = await bench.begin()
    bench.refusal = Refusal(Reason.SIGNALLING, "there is no room")
    calls.leg(LegWanted("leg", "100", "pbx", "127.0.0.7"))
    assert await bench.next() == LegRefused("leg", "the call cannot be placed now: there is no room")


async def test_a_redirection_that_fails_inside_is_the_calls_outcome(bench: Bench) -> None:
    calls = await bench.begin(outbound={"allowed_addresses": [f"*@{Names.broken}", "*@127.0.0.8"]})
    call = await calls.place(CallOut("sip:1@127.0.0.8"))
    await bench.invite(calls)
    calls.on_event(CallRejected(call, 302, "Moved", contacts=(f"sip:2@{Names.broken}",)))
    await bench.next()  # it is forwarded
    refused = await bench.next()
    assert isinstance(refused, CallRejected)
    assert (refused.call, refused.status) == (call, 500)

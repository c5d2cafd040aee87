"""One SIP call by itself: offers, ports, failures. Its commands are kept."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from offhook.api.call import Call
from offhook.calls.conversation import Conversation
from offhook.calls.registry import Calls
from offhook.calls.services import Services
from offhook.carriers import inbound_call, sip_call
from offhook.carriers.inbound_call import InboundCall
from offhook.carriers.place_call import LegWanted
from offhook.carriers.sip_call import SipCall
from offhook.carriers.sip_carrier import SipCarrier
from offhook.carriers.sip_resources import SipResources
from offhook.engines.engine_set import EngineSet
from offhook.observe.metrics import Metrics
from offhook.queues.messages import ToOwner
from offhook.records import EndedBy, RecordStore
from offhook.settings.config import Config
from offhook.sip.commands import Answer, AnswerReinvite, Bye, Command, CommandFailed, Reject, RejectReinvite, SendKey
from offhook.sip.events import EndCause, IncomingCall, KeyReceived, KeyRefused, RequestRefused
from offhook.sip.message.headers import Headers
from offhook.sip.message.identities import Identities, Party
from offhook.sip.message.reason import EndReason
from offhook.sip.net.address import Address
from offhook.sip.sdp.parser import parse
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPair, PortPool
from offhook.telephony.net.udp_line import UdpLine
from tests.offhook.bots import LIGHT_ENGINES
from tests.ports import own_ports
from tests.sip.sdp.samples import sdp

HOST = "127.0.0.1"
SESSION = ("v=0", f"o=- 1 1 IN IP4 {HOST}", "s=-", f"c=IN IP4 {HOST}", "t=0 0")
AUDIO = ("m=audio {port} RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000")


def offer(*lines: str, port: int = 20_000) -> bytes:
    return sdp(*(line.format(port=port) for line in lines or AUDIO), session=SESSION)


async def listens(call: Call) -> None:
    await call.ask(None, no_input_ms=60_000)


@dataclass
class Bench:
    """What the calls of one process share."""

    services: Services
    ports: PortPool
    clock: MediaClock
    commands: list[Command | LegWanted | ToOwner] = field(default_factory=list)
    over: list[str] = field(default_factory=list)
    calls: list[InboundCall] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def do(self, command: Command | LegWanted | ToOwner) -> None:
        self.commands.append(command)
        self.changed.set()

    def gone(self, call: SipCall) -> None:
        self.over.append(call.handle)
        self.changed.set()

    async def when(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def incoming(self, sdp: bytes | None, headers: tuple[tuple[str, str], ...] = ()) -> InboundCall:
        handle = f"call{len(self.calls)}"
        event = IncomingCall(
            call=handle,
            from_uri="sip:caller@example.com",
            request_uri="sip:+15551234@bot.example.com",
            call_id=f"{handle}@example.com",
            sdp=sdp,
            source=Address(HOST, 5070),
            headers=Headers(headers),
            identities=Identities(called=Party("sip:+15551234@bot.example.com")),
        )
        resources = SipResources(self.do, Address(HOST, 5060), self.ports, self.clock)
        call = InboundCall(self.services, resources, event, self.gone, SipCarrier(self.services, Calls(), resources))
        self.calls.append(call)
        return call

    async def until(self, kind: type[Command]) -> Command | LegWanted | ToOwner:
        await self.when(lambda: self.commands and isinstance(self.commands[-1], kind))
        return self.commands[-1]

    async def established(self, sdp: bytes | None = None, headers: tuple[tuple[str, str], ...] = ()) -> InboundCall:
        call = self.incoming(sdp or offer(), headers)
        call.accept()
        await self.until(Answer)
        call.confirmed(None)
        return call


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    config = Config.load(None, {**LIGHT_ENGINES, "records": {"dir": tmp_path}})
    engines, store, clock = EngineSet(config), RecordStore.open(str(tmp_path / "calls.db")), MediaClock()
    await engines.start()
    services = Services(config, engines, store, Metrics(), None, listens)
    bench = Bench(services, PortPool(*own_ports(), HOST), clock)
    yield bench
    for call in bench.calls:
        call.hang_up(EndedBy.OPERATOR, "the test is over")
    await bench.when(lambda: len(bench.over) == len(bench.calls))
    assert bench.ports.in_use == 0
    clock.close()
    await engines.close()
    await asyncio.to_thread(store.close)


# --- ports


@pytest.mark.parametrize(
    ("lines", "status", "warning"),
    [
        (("m=audio {port} RTP/AVP 18",), 488, '305 offhook "audio must be one of PCMU, PCMA"'),
        (("m=audio {port} UDP/TLS/RTP/SAVPF 0",), 488, '302 offhook "audio must be RTP/AVP"'),
        (("m=audio {port} RTP/AVP 0", "c=IN IP4"), 400, None),
    ],
)
async def test_a_refused_offer_takes_no_ports(
    bench: Bench, lines: tuple[str, ...], status: int, warning: str | None
) -> None:
    for _ in range(200):
        bench.incoming(offer(*lines)).accept()
    assert len(bench.over) == 200
    (refusal,) = {command for command in map(without_call, bench.commands)}
    assert isinstance(refusal, Reject) and refusal.status == status
    assert refusal.headers == ((("Warning", warning),) if warning else ())
    assert refusal.reason == (None if warning else "SDP has a malformed c= line")
    assert bench.ports.free(0.0) == bench.ports.capacity


def without_call(command: Command | LegWanted | ToOwner) -> Command | LegWanted | ToOwner:
    return replace(command, call="")


async def test_ports_that_were_never_offered_need_no_quarantine(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    call = bench.incoming(offer())
    monkeypatch.setattr(sip_call, "UdpLine", broken)
    call.accept()
    assert bench.ports.free(0.0) == bench.ports.capacity


@pytest.mark.parametrize("media", [True, False])
async def test_ports_rest_if_anything_ever_came_there(bench: Bench, media: bool) -> None:
    with phone() as source:
        call = await bench.established(offer(port=source.getsockname()[1]))
        if media:
            await sends(source, bench, call, lambda received: received > 0, count=10)
    call.ended(EndCause.REMOTE_BYE)
    assert (bench.ports.in_use, bench.ports.free(0.0)) == (0, bench.ports.capacity - media)


async def test_no_ports_are_left(bench: Bench) -> None:
    bench.ports = PortPool(*own_ports(1), HOST)
    await bench.established()
    bench.incoming(offer()).accept()
    assert isinstance(bench.commands[-1], Reject) and bench.commands[-1].status == 503
    bench.calls[0].hang_up(EndedBy.BOT, "done")


async def test_media_at_our_own_ports_is_refused(bench: Bench) -> None:
    await bench.established()
    answer = bench.commands[-1]
    assert isinstance(answer, Answer)
    own = parse(answer.sdp).media[0].port
    for port in (own, own + 1, 5060):
        bench.incoming(offer(port=port)).accept()
        assert isinstance(bench.commands[-1], Reject) and bench.commands[-1].status == 488
    bench.calls[0].reinvited(offer(port=own))
    assert isinstance(bench.commands[-1], RejectReinvite)


# --- failures


def broken(*_: object, **__: object) -> None:
    raise ZeroDivisionError("a bug")


@pytest.mark.parametrize("where", ["media_host", "answer_offer", "UdpLine", "LocalMedia"])
async def test_whatever_fails_while_a_call_is_taken(bench: Bench, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_call if hasattr(sip_call, where) else inbound_call, where, broken)
    with capture_logs() as logged:
        bench.incoming(offer()).accept()
    assert without_call(bench.commands[-1]) == Reject("", 500)
    assert bench.over == ["call0"]
    assert [entry["event"] for entry in logged if entry["log_level"] == "error"] == ["the call failed"]


async def test_what_fails_before_the_answer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Conversation, "prepare", broken)
    bench.incoming(offer()).accept()
    assert without_call(await bench.until(Reject)) == Reject("", 500)


@pytest.mark.parametrize("step", ["confirmed", "reinvited", "moved"])
async def test_what_fails_in_a_call_ends_it(bench: Bench, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    call = await bench.established()
    other = await bench.established()
    monkeypatch.setattr(Conversation, "hold", broken)
    monkeypatch.setattr(UdpLine, "reconfigure", broken)
    arguments = {"confirmed": None, "reinvited": offer(), "moved": Address("127.0.0.2", 5070)}
    getattr(call, step)(arguments[step])
    assert bench.commands[-1] == Bye(call.handle, (EndReason("Q.850", 16, "bot hung up"),))
    assert not other.dump().get("over")


async def test_a_bye_that_comes_too_late_is_nothing_to_log(bench: Bench) -> None:
    call = await bench.established()
    with capture_logs() as logs:
        for command in (Bye(call.handle), Answer(call.handle, b"")):
            call.command_failed(CommandFailed(command, "it is over"))
    assert [each["command"] for each in logs if each["event"] == "a SIP command failed"] == ["Answer"]


# --- offers in a call


async def test_an_ack_without_the_answer_leaves_the_session(bench: Bench) -> None:
    call = await bench.established()
    for answer in (None, b"", offer("m=audio 0 RTP/AVP 0"), offer("m=audio {port} RTP/AVP 0", "m=video 0 RTP/AVP 31")):
        call.reinvited(None)
        assert isinstance(bench.commands[-1], AnswerReinvite)
        call.confirmed(answer)
        assert isinstance(bench.commands[-1], AnswerReinvite)
    # And an offer and its answer still change it.
    call.reinvited(None)
    call.confirmed(offer("m=audio {port} RTP/AVP 8", port=20_100))
    assert call.dump() and not bench.over


async def test_a_first_offer_that_gets_no_answer_ends_the_call(bench: Bench) -> None:
    call = bench.incoming(None)
    call.accept()
    await bench.until(Answer)
    call.confirmed(None)
    why = EndReason("Q.850", 41, "the answer in the ACK cannot be used: 400 there is none")
    assert bench.commands[-1] == Bye(call.handle, (why,))


async def test_a_refused_reinvite_says_why(bench: Bench) -> None:
    call = await bench.established()
    call.reinvited(offer("m=audio {port} RTP/AVP 18"))
    assert bench.commands[-1] == RejectReinvite(
        call.handle, 488, (("Warning", '305 offhook "audio must be one of PCMU, PCMA"'),)
    )
    call.reinvited(None)
    answer = bench.commands[-1]
    assert isinstance(answer, AnswerReinvite)
    assert parse(answer.sdp).media[0].formats == ("0", "8", "101")


@pytest.mark.parametrize(("direction", "held"), [("sendonly", True), ("inactive", True), ("recvonly", False)])
async def test_the_conversation_knows_of_hold(bench: Bench, direction: str, held: bool) -> None:
    call = await bench.established()
    conversation = call._conversation
    assert not conversation.held
    call.reinvited(offer(*AUDIO, f"a={direction}"))
    assert conversation.held is held
    call.reinvited(offer(*AUDIO, "c=IN IP4 0.0.0.0"))
    assert conversation.held
    call.reinvited(offer())
    assert not conversation.held
    call.reinvited(offer("m=audio 0 RTP/AVP 0"))
    answer = bench.commands[-1]
    assert isinstance(answer, AnswerReinvite) and parse(answer.sdp).media[0].port == 0
    assert conversation.held
    call.reinvited(offer())
    assert not conversation.held


async def test_requests_that_the_user_agent_refuses_are_logged_once_of_a_kind(bench: Bench) -> None:
    call = await bench.established()
    with capture_logs() as logged:
        for n in range(40):
            call.request_refused(RequestRefused(call.handle, "INFO", 405 + n // 2, "Method Not Allowed"))
    refused = [(entry["method"], entry["status"]) for entry in logged]
    assert refused == [("INFO", 405 + n) for n in range(8)]


async def test_a_call_without_keys_says_so(bench: Bench) -> None:
    with capture_logs() as logged:
        await bench.established(offer("m=audio {port} RTP/AVP 0"))
        await bench.established()
    said = [entry for entry in logged if entry["event"] == "the far end sends keys without RTP events"]
    assert [entry["heard"] for entry in said] == ["INFO and tones"]


async def test_keys_by_info_reach_the_line(bench: Bench) -> None:
    call = await bench.established(offer("m=audio {port} RTP/AVP 0"))
    heard: list[str] = []
    assert call._line is not None
    call._line.add_listener(dtmf=lambda digit, at_tick: heard.append(digit))
    for digit in "42#":
        call.keys.on_event(KeyReceived(call.handle, digit, 100))
    assert heard == ["4", "2", "#"]


async def test_keys_go_by_info_one_after_the_other(bench: Bench) -> None:
    call = await bench.established(offer("m=audio {port} RTP/AVP 0"), headers=(("Allow", "INVITE, BYE, INFO"),))
    assert call._line is not None
    call._line.send_dtmf("42")
    await bench.when(lambda: sum(isinstance(each, SendKey) for each in bench.commands) == 2)
    assert bench.commands[-2:] == [SendKey(call.handle, "4"), SendKey(call.handle, "2")]
    with capture_logs() as logged:
        for _ in range(2):
            call.keys.on_event(KeyRefused(call.handle, 415, "Unsupported Media Type"))
    assert [entry["event"] for entry in logged] == ["a key was not taken by INFO"]


async def test_what_was_dialled_is_called(bench: Bench) -> None:
    call = await bench.established()
    parties = call._conversation._parties
    assert parties.called == "sip:+15551234@bot.example.com"
    assert parties.identities is not None and parties.identities.called.number == "+15551234"


# --- media


@pytest.mark.parametrize("direction", ["inactive", "sendonly", "recvonly"])
async def test_a_call_that_never_has_media_ends(bench: Bench, direction: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_call, "NO_MEDIA_LIMIT_S", 0.1)
    call = await bench.established(offer(*AUDIO, f"a={direction}"))
    assert await bench.until(Bye) == Bye(call.handle, (EndReason("Q.850", 41, "no media for 0.1 s"),))


async def test_a_call_on_hold_that_has_had_media_stays(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_call, "NO_MEDIA_LIMIT_S", 0.1)
    with phone() as source:
        call = await bench.established(offer(port=source.getsockname()[1]))
        await sends(source, bench, call, lambda received: received > 0)
        call.reinvited(offer(*AUDIO, "a=inactive", port=source.getsockname()[1]))
        await asyncio.sleep(0.3)
    assert isinstance(bench.commands[-1], AnswerReinvite)


async def test_media_may_come_from_where_the_requests_come_from(bench: Bench) -> None:
    """A phone behind a NAT changes its network: its SDP names a private address, its packets come from the NAT's."""
    with phone("127.0.0.2") as source:
        call = await bench.established(offer(*AUDIO, "c=IN IP4 127.0.0.77"))
        await sends(source, bench, call, lambda received: received == 0, count=10)
        call.moved(Address("127.0.0.2", 5080))
        call.reinvited(offer(*AUDIO, "c=IN IP4 127.0.0.78"))
        await sends(source, bench, call, lambda received: received > 0)


def phone(host: str = HOST) -> socket.socket:
    source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    source.bind((host, 0))
    return source


async def sends(
    source: socket.socket, bench: Bench, call: InboundCall, good: Callable[[int], bool], count: int = 50
) -> None:
    """RTP from there to the call until the count of what was taken is good."""
    line = call._line
    assert isinstance(line, UdpLine)
    for number in range(count):
        packet = bytes((0x80, 0, 0, number, 0, 0, number, 0)) + b"ssrc" + b"\xff" * 160
        source.sendto(packet, (HOST, line.pair.port))
        await asyncio.sleep(0.005)
    assert good(line.stats().packets_received)


def test_a_pair_knows_whose_it_is() -> None:
    pool = PortPool(*own_ports(5), HOST)
    pair: PortPair = pool.acquire(0.0)
    assert pool.gave(pair.port) and pool.gave(pair.port + 1)
    assert not pool.gave(pair.port + 2)
    pair.release(0.0)
    assert not pool.gave(pair.port)

"""Messages as they come: made once for all who watch, and no more of them than each can take."""

import json
from typing import Any

import pytest

from offhook.ladder.kept import KeptMessage
from offhook.ladder.traces import SipTraces
from offhook.sip.net.address import Address
from offhook.web import sip
from offhook.web.live import Viewer
from offhook.web.sip import BYTES_PER_S, MESSAGES_PER_S, MessageHub
from tests.offhook.ladder.wire import flow, invite, message


class Bench:
    def __init__(self) -> None:
        self.now = 10.0
        self.traces = SipTraces(lambda *_: None, lambda _: None, lambda: self.now)
        self.hub = MessageHub(self.traces, lambda: self.now)

    def received(self, data: bytes, host: str = "192.0.2.7") -> None:
        self.traces.on_message(data, flow(Address(host, 5060)), True)


async def seen(viewer: Viewer) -> list[tuple[str, dict[str, Any]]]:
    lines = (await viewer.next()).decode().split("\n\n")
    events = [each.split("\n") for each in lines if each]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in events]


async def test_a_message_is_made_once_and_only_if_somebody_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, made = Bench(), []
    real = sip._event

    def event(call_id: str, each: KeptMessage) -> bytes:
        made.append(call_id)
        return real(call_id, each)

    monkeypatch.setattr(sip, "_event", event)
    first, second, other = bench.hub.enter(""), bench.hub.enter("one"), bench.hub.enter("192.0.2.99")
    bench.received(invite())
    assert made == ["one"] and await seen(first) == await seen(second)
    bench.hub.leave(first)
    bench.hub.leave(second)
    bench.received(invite(call_id="two"))
    assert made == ["one"]
    bench.received(invite(call_id="three"), "192.0.2.99")
    assert [content["call_id"] for _, content in await seen(other)] == ["three"]
    bench.hub.leave(other)
    bench.hub.leave(other)
    assert bench.traces.watchers == []


@pytest.mark.parametrize(("size", "most"), [(10, MESSAGES_PER_S), (60_000, BYTES_PER_S // 9_216)])
async def test_a_flood_is_counted_and_leaves_room_for_who_watches_one(size: int, most: int) -> None:
    bench = Bench()
    everything, one = bench.hub.enter(""), bench.hub.enter("192.0.2.9")
    for number in range(1_000):
        bench.received(message("OPTIONS sip:a SIP/2.0", call_id=f"flood-{number}", body="x" * size))
    bench.received(invite(), "192.0.2.9")
    shown = len(await seen(everything))
    assert most <= shown <= most + 1  # the small one at the end may still have room
    assert [content["label"] for _, content in await seen(one)] == ["INVITE +15551234567"]
    bench.now += 1
    bench.received(invite(call_id="later"))
    (omitted, later) = await seen(everything)
    assert omitted == ("omitted", {"messages": 1_001 - shown}) and later[1]["call_id"] == "later"

"""Log and metrics show why calls were refused, however many there were."""

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from offhook.observe.metrics import Metrics
from offhook.observe.refusals import LOGGED_EVERY_S, Reason, Refusal, RefusalLog
from offhook.sip.events import CallRefused
from offhook.sip.net.address import Address

PORTS = Refusal(Reason.PORTS, "its RTP ports are used up")
FULL = Refusal(Reason.MAX_CALLS, "all 3 allowed calls are in progress")


class Bench:
    def __init__(self) -> None:
        self.metrics = Metrics()
        self.waiting: list[tuple[float, Callable[[], None]]] = []
        self.log = RefusalLog(self.metrics, lambda seconds, callback: self.waiting.append((seconds, callback)))

    def later(self) -> None:
        ((seconds, callback),) = self.waiting
        assert seconds == LOGGED_EVERY_S
        self.waiting.clear()
        callback()

    def said(self, sample: str) -> bool:
        return f"\n{sample}\n".encode() in self.metrics.render()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_each_reason_is_reported_once_and_counted(bench: Bench) -> None:
    with capture_logs() as logged:
        for refusal in (PORTS, PORTS, FULL, PORTS):
            bench.log.refused(refusal, "udp")
    assert [(entry["event"], entry["reason"], entry["why"]) for entry in logged] == [
        ("call refused", "ports", "its RTP ports are used up"),
        ("call refused", "max_calls", "all 3 allowed calls are in progress"),
    ]
    with capture_logs() as logged:
        bench.later()
    (entry,) = logged
    assert (entry["total"], entry["ports"], entry["max_calls"]) == (4, 3, 1)
    assert bench.said('offhook_calls_refused_total{reason="ports"} 3.0')
    assert bench.said('offhook_calls_refused_total{reason="max_calls"} 1.0')


def test_one_alone_is_reported_once(bench: Bench) -> None:
    bench.log.refused(PORTS, "udp")
    with capture_logs() as logged:
        bench.later()
    assert logged == []
    with capture_logs() as logged:
        bench.log.refused(PORTS, "udp")
    assert len(logged) == 1, "it is news again"


def test_only_the_users_own_limit_is_called_busy(bench: Bench) -> None:
    bench.log.refused(FULL, "ws")
    bench.log.refused(PORTS, "udp")
    assert (FULL.status, PORTS.status) == (486, 503)
    assert bench.said('offhook_calls_total{direction="inbound",outcome="busy",transport="ws"} 1.0')
    assert bench.said('offhook_calls_total{direction="inbound",outcome="rejected",transport="udp"} 1.0')


def test_what_the_signalling_refuses_by_itself_has_its_own_status(bench: Bench) -> None:
    event = CallRefused(
        call="",
        call_id="c1@example.com",
        from_uri="<sip:a@example.com>",
        request_uri="sip:bot@example.com",
        source=Address("192.0.2.1", 5060),
        status=415,
        reason="Unsupported Media Type",
    )
    with capture_logs() as logged:
        bench.log.refused(Refusal.of(event), "udp")
    (entry,) = logged
    assert (entry["event"], entry["status"], entry["reason"]) == ("call refused", 415, "request")
    assert entry["why"] == "415 Unsupported Media Type to 192.0.2.1:5060, Call-ID 'c1@example.com'"
    assert bench.said('offhook_calls_refused_total{reason="request"} 1.0')

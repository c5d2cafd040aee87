import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from offhook.observe import tracing
from offhook.observe.tracing import TurnTracing, is_wanted, open_tracing
from offhook.pipeline.trace import BotSpoke, Mark, TurnTrace, TurnTraced
from offhook.usererror import UserError

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*tracing.ENDPOINTS, tracing.EXPORTER, tracing.DISABLED, tracing.SERVICE):
        monkeypatch.delenv(name, raising=False)


def traced(*marks: tuple[Mark, float]) -> TurnTraced:
    began = time.monotonic() - 1.0
    trace = TurnTrace()
    for mark, seconds in marks:
        trace.mark(mark, began + seconds)
    return TurnTraced(trace, began + 1.0)


def whole() -> TurnTraced:
    """A turn that began a second ago."""
    return traced(
        (Mark.SPEECH_ENDED, 0.0),
        (Mark.TURN_ENDED, 0.5),
        (Mark.TRANSCRIBED, 0.53),
        (Mark.ANSWERED, 0.54),
        (Mark.SYNTHESISED, 0.6),
        (Mark.SENT, 0.61),
    )


def spans_of(event: object) -> list[ReadableSpan]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    found = TurnTracing(provider)
    found.on_event("abc", event)  # type: ignore[arg-type]
    spans = list(exporter.get_finished_spans())
    found.close()
    return spans


def test_a_turn_is_a_span_with_a_span_for_each_stage() -> None:
    *stages, turn = spans_of(whole())
    assert (turn.name, turn.parent) == ("turn", None)
    assert [stage.name for stage in stages] == ["endpoint", "recogniser", "dialog", "voice", "line"]
    assert turn.context is not None
    for stage in stages:
        assert stage.parent is not None
        assert stage.parent.span_id == turn.context.span_id
    ends = [stage.end_time for stage in stages]
    assert [stage.start_time for stage in stages] == [turn.start_time, *ends[:-1]]
    assert ends[-1] == turn.end_time
    assert turn.start_time is not None and turn.end_time is not None
    assert (turn.end_time - turn.start_time) / 1e9 == pytest.approx(0.61, abs=1e-6)
    assert turn.start_time / 1e9 == pytest.approx(time.time() - 1.0, abs=0.5)


def test_spans_say_which_call_and_how_long_and_nothing_else() -> None:
    *stages, turn = spans_of(whole())
    assert turn.attributes == {"offhook.call.id": "abc", "offhook.turn.response_ms": pytest.approx(610, abs=0.01)}
    assert all(not stage.attributes for stage in stages)


def test_a_stage_that_did_not_take_place_has_no_span() -> None:
    *stages, turn = spans_of(traced((Mark.SPEECH_ENDED, 0.0), (Mark.ANSWERED, 0.1), (Mark.SENT, 0.2)))
    assert [stage.name for stage in stages] == ["dialog", "line"]
    assert turn.name == "turn"


@pytest.mark.parametrize("event", [BotSpoke("Hello.", 1.0), traced((Mark.SPEECH_ENDED, 0.0), (Mark.ANSWERED, 0.1))])
def test_what_is_no_complete_turn_has_no_span(event: object) -> None:
    assert spans_of(event) == []


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({ENDPOINT: ""}, False),
        ({ENDPOINT: "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", ENDPOINT: "http://127.0.0.1:4318"}, False),
        ({"OTEL_SDK_DISABLED": "true", ENDPOINT: "http://127.0.0.1:4318"}, False),
    ],
)
def test_the_standard_variables_switch_it_on(environment: dict[str, str], wanted: bool) -> None:
    assert is_wanted(environment) is wanted


def test_another_exporter_is_refused() -> None:
    with pytest.raises(UserError, match="zipkin"):
        is_wanted({"OTEL_TRACES_EXPORTER": "zipkin"})


def test_off_it_loads_nothing() -> None:
    imports = "import sys, offhook.observe.tracing as t, offhook.process.local_bot"
    script = f"{imports}; assert t.open_tracing() is None; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert "opentelemetry.sdk" not in found.stdout
    assert "twilio.rest" not in found.stdout


def test_without_the_packages_it_is_said_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:4318")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(UserError, match=r"offhook\[otel\]"):
        open_tracing()


class _Collector(BaseHTTPRequestHandler):
    bodies: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        self.bodies.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    bodies: list[tuple[str, bytes]] = []
    server = HTTPServer(("127.0.0.1", 0), type("Collector", (_Collector,), {"bodies": bodies}))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", bodies
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_is_left_is_sent_at_the_end(
    collector: tuple[str, list[tuple[str, bytes]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, bodies = collector
    monkeypatch.setenv(ENDPOINT, url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    found = open_tracing()
    assert found is not None
    found.on_event("abc", whole())
    found.close()
    ((path, body),) = bodies
    assert path == "/v1/traces"
    for text in (b"turn", b"recogniser", b"abc", b"offhook"):
        assert text in body

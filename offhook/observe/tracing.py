"""Turns as OpenTelemetry traces (the extra `otel`): a span for each turn, with a span for each of its stages.

Off unless a standard variable enables it: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or
OTEL_TRACES_EXPORTER=otlp; OTEL_SDK_DISABLED=true and OTEL_TRACES_EXPORTER=none disable it. Sampling, resource and
headers have OpenTelemetry's own variables, too. Spans carry the record's id, but never the parties' numbers.
"""

import os
import time
from collections.abc import Mapping
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Protocol

from offhook.pipeline.trace import STAGES, Mark, SessionEvent, TurnTraced
from offhook.usererror import UserError
from offhook.version import __version__

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
EXPORTER = "OTEL_TRACES_EXPORTER"
DISABLED = "OTEL_SDK_DISABLED"
SERVICE = "OTEL_SERVICE_NAME"

CLOSE_S = 2.0

CALL_ID = "offhook.call.id"
RESPONSE_MS = "offhook.turn.response_ms"


class Tracing(Protocol):
    """Exports turns until it is closed."""

    def on_event(self, uniqueid: str, event: SessionEvent) -> None:
        """A listener for call events."""

    def close(self) -> None:
        """Send what is left. Blocks for at most `CLOSE_S`."""


def is_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment enables traces. UserError for an unknown exporter."""
    exporter = environment.get(EXPORTER, "").strip().lower()
    if environment.get(DISABLED, "").strip().lower() == "true" or exporter == "none":
        return False
    if exporter not in ("", "otlp"):
        raise UserError(
            f"traces cannot be sent by {exporter!r}",
            "OTLP over HTTP is the only exporter",
            f"export {EXPORTER}=otlp",
        )
    return exporter == "otlp" or any(environment.get(name) for name in ENDPOINTS)


def open_tracing() -> "Tracing | None":
    """Tracing if the environment enables it, else None, with nothing loaded. UserError without the packages."""
    if not is_wanted():
        return None
    try:
        exporter = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter()
        sdk = import_module("opentelemetry.sdk.trace")
        batches = import_module("opentelemetry.sdk.trace.export").BatchSpanProcessor
        resource = import_module("opentelemetry.sdk.resources").Resource
    except ImportError as error:
        raise UserError(
            "traces cannot be sent", f"OpenTelemetry's packages are missing: {error}", "pip install 'offhook[otel]'"
        ) from error
    names = {"service.version": __version__}
    if SERVICE not in os.environ:
        names["service.name"] = "offhook"
    provider = sdk.TracerProvider(resource=resource.create(names), shutdown_on_exit=False)
    provider.add_span_processor(batches(exporter))
    return TurnTracing(provider)


class TurnTracing:
    """`Tracing` through a provider, which it owns."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._provider = provider
        self._tracer: Tracer = provider.get_tracer("offhook", __version__)
        self._set_span_in_context = import_module("opentelemetry.trace").set_span_in_context

    def on_event(self, uniqueid: str, event: SessionEvent) -> None:
        """Export each complete turn as one trace."""
        if not isinstance(event, TurnTraced) or not event.trace.complete:
            return
        marks = event.trace.marks
        # Monotonic seconds to Unix nanoseconds, from the current offset of the clocks.
        offset_ns = time.time_ns() - time.monotonic_ns()

        def at(mark: Mark) -> int:
            return round(marks[mark] * 1e9) + offset_ns

        attributes: dict[str, str | float] = {CALL_ID: uniqueid, RESPONSE_MS: round(event.trace.response_ms, 3)}
        turn = self._tracer.start_span("turn", start_time=at(Mark.SPEECH_ENDED), attributes=attributes)
        within = self._set_span_in_context(turn)
        last = Mark.SPEECH_ENDED
        for mark in event.trace.in_order():
            if mark in STAGES:
                self._tracer.start_span(STAGES[mark], context=within, start_time=at(last)).end(at(mark))
                last = mark
        turn.end(at(last))

    def close(self) -> None:
        """Send what is left, without waiting for a collector that does not answer."""
        last = Thread(target=self._provider.shutdown, name="offhook-traces", daemon=True)
        last.start()
        last.join(CLOSE_S)

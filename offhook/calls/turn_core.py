"""The turn core of a call, as the settings have it."""

from dataclasses import dataclass

from offhook.engines.endpoint import make_endpoint_policy
from offhook.engines.engine_set import gate_settings
from offhook.flight.event_log import EventLog
from offhook.flight.recording_core import RecordingCore
from offhook.flight.rows import header_of
from offhook.flight.writer import EventLogWriter
from offhook.pipeline.turn.core import TurnCore
from offhook.pipeline.turn.machine import TurnSettings
from offhook.settings.config import Config


@dataclass(frozen=True, slots=True)
class CallAbout:
    """What the header of its event log says of a call: when it began in monotonic seconds, and in wall time."""

    id: str
    began: float
    started: str


def turn_settings(config: Config) -> TurnSettings:
    """How patient the bot is."""
    return TurnSettings(
        resume_after_ms=config.turn.resume_after_ms,
        max_turn_ms=config.turn.max_turn_ms,
        recogniser_timeout_ms=int(1000 * config.asr.timeout_s),
        max_wait_ms=config.turn.max_wait_ms,
        min_confidence=config.asr.min_confidence,
        correct_within_ms=config.asr.correct_within_ms,
        filler_ms=config.turn.filler_ms,
        fallback_ms=config.turn.fallback_ms,
        ignore_back_channels=config.turn.ignore_back_channels,
    )


def make_core(
    config: Config, event_logs: EventLogWriter | None, about: CallAbout, *, recorded: bool
) -> tuple[TurnCore, EventLog | None]:
    """The core, with its event log if `event_logs` keeps some; `recorded`: the call's audio is. Raises UserError."""
    settings, policy = turn_settings(config), make_endpoint_policy(config)
    if event_logs is None:
        return TurnCore(settings, policy), None
    header = header_of(
        about.id,
        began=about.began,
        turn=settings,
        gate=gate_settings(config),
        policy=policy,
        started=about.started,
        recording=f"{about.id}.wav" if recorded else None,
    )
    log = event_logs.begin(about.id, header)
    return RecordingCore(settings, policy, log), log

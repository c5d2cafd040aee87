"""Renamed keys, for errors that name the new one."""

RENAMED = {
    "calls.full_cpu": "calls.max_cpu",
    "calls.full_lag_ms": "calls.max_lag_ms",
    "rtp.low": "rtp.port_min",
    "rtp.high": "rtp.port_max",
    "vad.confirm_ms": "vad.min_speech_ms",
    "vad.suspect_threshold": "vad.barge_in_threshold",
    "ears.echo_guard": "audio.echo_guard",
    "ears.guarded_calls": "audio.echo_guard_max_calls",
    "ears.processor": "audio.processor",
}
RENAMED_SECTIONS = {"ears": "audio"}

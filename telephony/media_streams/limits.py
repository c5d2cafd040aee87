"""Limits on what the far end of a media stream may send."""

MESSAGE_OCTETS = 65_536
"""One WebSocket message, in bytes."""

PAYLOAD_OCTETS = 6_144
"""Audio of one media message: 768 ms, 8 KiB of base64. Twilio sends 160."""

LEAD_SAMPLES = 8_000
"""Audio ahead of real time since the stream began; more is dropped as a flood."""

MESSAGES_PER_S = 100
"""On average; Twilio sends 50 of audio, and an echo of each of our marks."""

MESSAGES_BURST = 1_000
"""In a burst: what a network delivers after a stall of 20 s."""

START_S = 10.0
"""From the WebSocket's opening to `start`."""

SID_CHARS = 256
"""A carrier's name for a call or a stream. Telnyx's are 57 long, and documented nowhere."""

TEXT_CHARS = 500
"""A line that the caller typed."""

PARAMETERS = 64
PARAMETER_CHARS = 500
"""Name and value of one custom parameter together, as Twilio allows."""

MARK_CHARS = 128

MARKS_PENDING = 256
"""Our marks waiting for their echo; the bounded lead keeps them few."""

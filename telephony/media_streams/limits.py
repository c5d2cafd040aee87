"""The most that is taken from the far end of a media stream."""

MESSAGE_OCTETS = 65_536
"""One WebSocket message, of however many frames."""

PAYLOAD_OCTETS = 6_144
"""Audio of one media message: 768 ms, 8 KiB of base64. Twilio sends 160."""

LEAD_SAMPLES = 8_000
"""Audio that may be ahead of real time since the stream began; more is a flood, and dropped."""

MESSAGES_PER_S = 100
"""On average; Twilio sends 50 of audio, and an echo of each of our marks."""

MESSAGES_BURST = 1_000
"""At once: what a network that stood still for 20 s delivers when it goes on."""

START_S = 10.0
"""From the WebSocket's opening to `start`."""

SID_CHARS = 256
"""A carrier's name for a call or a stream. Telnyx's are 57 long, and documented nowhere."""

PARAMETERS = 64
PARAMETER_CHARS = 500
"""Name and value of one custom parameter together, as Twilio allows."""

MARK_CHARS = 128

MARKS_PENDING = 256
"""Our marks that wait for their echo; with a bounded lead there are never more than a few."""

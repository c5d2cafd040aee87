"""The limits on a session description. What exceeds one is refused."""

MAX_SDP = 16_384
"""Octets."""

MAX_LINE = 2_048
"""Characters of one line."""

MAX_MEDIA = 16
"""m-lines."""

MAX_ATTRIBUTES = 64
"""Attributes of one m-line, and of the session."""

MAX_FORMATS = 64
"""Formats of one m-line."""

MAX_PAYLOAD_TYPE = 127

MIN_PTIME_MS = 10

MAX_PTIME_MS = 60
"""Packets longer than this delay the talk too much; a larger wish gets this."""

ABSURD_PTIME_MS = 1_000
"""A wish beyond this is no wish but an error."""

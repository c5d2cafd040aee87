"""The limits on a session description: whatever exceeds one is refused or left out."""

MAX_SDP = 65_536
"""Bytes: as many as a datagram can hold. A browser offers some 300 attributes, 15 KiB, before its candidates."""

MAX_LINE = 2_048
"""Characters of one line; a longer one is left out, or refused where the structure depends on it."""

MAX_MEDIA = 128
"""m-lines: each has to be answered (RFC 3264 §6)."""

MAX_ATTRIBUTES = 256
"""Attributes that audio needs, per m-line and for the session; further ones are left out."""

MAX_FORMATS = 128
"""Formats of one m-line that are kept: there are no more payload types."""

MAX_REFUSED_FORMATS = 4
"""Formats of a refused m-line that its answer repeats; they have no meaning there (RFC 3264 §6)."""

MAX_PAYLOAD_TYPE = 127

MIN_PTIME_MS = 10

MAX_PTIME_MS = 60
"""Longer packets delay speech too much; a larger ptime gets this."""

ABSURD_PTIME_MS = 1_000
"""A larger ptime is taken for an error and ignored."""

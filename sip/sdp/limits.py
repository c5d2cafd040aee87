"""The limits on a session description: they bound the work, and what exceeds one is refused or left out."""

MAX_SDP = 65_536
"""Bytes: as much as a datagram can hold. A browser offers some 300 attributes, 15 KiB, before its candidates."""

MAX_LINE = 2_048
"""Characters of one line; a longer one is left out, or refused where it is of the description's structure."""

MAX_MEDIA = 128
"""m-lines: each has to be answered (RFC 3264 §6)."""

MAX_ATTRIBUTES = 256
"""Attributes of the kinds that audio needs, of one m-line and of the session; those behind are left out."""

MAX_FORMATS = 128
"""Formats of one m-line that are kept: there are no more payload types."""

MAX_REFUSED_FORMATS = 4
"""Formats of a refused m-line that its answer repeats: they mean nothing there (RFC 3264 §6)."""

MAX_PAYLOAD_TYPE = 127

MIN_PTIME_MS = 10

MAX_PTIME_MS = 60
"""Packets longer than this delay the talk too much; a larger wish gets this."""

ABSURD_PTIME_MS = 1_000
"""A wish beyond this is no wish but an error, and is ignored."""

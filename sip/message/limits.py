"""The limits on what is received in a message.

What exceeds one is refused, or left out where nothing depends on it; it is never truncated.
"""

MAX_MESSAGE = 65_536
"""Bytes; a UDP datagram cannot be larger."""

MAX_HEADER_LINE = 8_192
"""Bytes of one header field, continuation lines included; also of the start line. A longer optional header is left
out."""

MAX_HEAD = 32_768
"""Bytes of all headers of a request together."""

MAX_LINES = 1_000
"""Header lines that are looked at."""

MAX_HEADERS = 128
"""Header fields that are kept; further ones only where a request may depend on them."""

MAX_VIAS = 70
"""Via values: one per hop, and Max-Forwards starts at 70 (RFC 3261 §8.1.1.6)."""

MAX_LIST = 70
"""Values in any other list: Contact, Record-Route (one per hop, as Via), Route, Require, Supported."""

MAX_PARAMS = 64
"""Parameters of one value."""

MAX_BODY_PARTS = 32
"""Parts of one multipart body; further ones are ignored."""

MAX_BODY_DEPTH = 4
"""Nesting depth of multipart bodies."""

MAX_DIGITS = 10
"""Digits of a number, checked before it is converted to an int."""

MAX_CSEQ = 2**31 - 1
"""RFC 3261 §8.1.1.5."""

MAX_RSEQ = 2**32 - 1
"""RFC 3262 §7.1; the first one is at most 2**31 - 1."""

MAX_INTERVAL_S = 2**32 - 1
"""Of a session; what is written, not what is agreed to."""

MAX_FORWARDS = 255
"""RFC 3261 §20.22."""

MAX_PORT = 65_535

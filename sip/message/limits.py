"""The limits on what is received in a message. What exceeds one is refused, never cut."""

MAX_MESSAGE = 65_536
"""Octets; a UDP datagram cannot be larger."""

MAX_HEADER_LINE = 8_192
"""Octets of one header field, its continuation lines included; also of the start line."""

MAX_HEADERS = 128
"""Header fields in a message, compact forms and repeated ones included."""

MAX_VIAS = 70
"""Via values: one a hop, and Max-Forwards starts at 70 (RFC 3261 §8.1.1.6)."""

MAX_LIST = 32
"""Values in one list of another kind: Contact, Record-Route, Route, Require, Supported."""

MAX_PARAMS = 32
"""Parameters of one value."""

MAX_BODY_PARTS = 32
"""Parts of one multipart body; those behind are ignored."""

MAX_BODY_DEPTH = 4
"""Multipart bodies inside each other."""

MAX_DIGITS = 10
"""Digits of a number before anybody turns it into an int."""

MAX_CSEQ = 2**31 - 1
"""RFC 3261 §8.1.1.5."""

MAX_FORWARDS = 255
"""RFC 3261 §20.22."""

MAX_PORT = 65_535

"""The methods of the user agent, and the Allow made of them: RFC 3261 §8.2.1, §20.5.

Those outside a call and those within one are handled by the tables of `uas.py`; a test compares.
"""

from collections.abc import Mapping
from enum import Enum, auto


class Place(Enum):
    """Where a method may come."""

    ANYWHERE = auto()
    IN_DIALOG = auto()  # elsewhere 481
    TRANSACTION = auto()  # it refers to an INVITE, in a dialog or not


METHODS: Mapping[str, Place] = {
    "INVITE": Place.ANYWHERE,
    "ACK": Place.TRANSACTION,
    "CANCEL": Place.TRANSACTION,
    "BYE": Place.IN_DIALOG,
    "OPTIONS": Place.ANYWHERE,
    "PRACK": Place.IN_DIALOG,  # RFC 3262
    "UPDATE": Place.IN_DIALOG,  # RFC 3311
    "INFO": Place.IN_DIALOG,  # RFC 6086
    "REFER": Place.ANYWHERE,  # RFC 3515; outside a call it is refused
    "NOTIFY": Place.IN_DIALOG,  # RFC 6665: of our REFERs only
}
"""The order is that of Allow."""

ALLOW = ", ".join(METHODS)

NOT_SUPPORTED = frozenset({"REGISTER", "SUBSCRIBE", "PUBLISH", "MESSAGE"})
"""Registered methods (IANA, SIP parameters) that are not supported: 405; unknown ones get 501."""

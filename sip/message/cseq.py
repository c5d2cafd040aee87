"""The CSeq header field (RFC 3261 §20.16)."""

import re
from typing import NamedTuple

from offhook.sip.errors import ParseError
from offhook.sip.message.grammar import LWS, TOKEN, number
from offhook.sip.message.limits import MAX_CSEQ

_CSEQ = re.compile(rf"{LWS}([0-9]++)[ \t]++({TOKEN}){LWS}")


class CSeq(NamedTuple):
    """The number of a request and its method."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> "CSeq":
        """Read the value. Raises ParseError."""
        match = _CSEQ.fullmatch(text)
        if match is None:
            raise ParseError("CSeq is malformed")
        return cls(number(match.group(1), "CSeq", MAX_CSEQ), match.group(2))

    def __str__(self) -> str:
        return f"{self.number} {self.method}"

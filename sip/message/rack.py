"""The RAck header field: which reliable provisional response a PRACK is for (RFC 3262 §7.2)."""

import re
from dataclasses import dataclass

from offhook.sip.errors import ParseError
from offhook.sip.message.grammar import LWS, TOKEN, number
from offhook.sip.message.limits import MAX_CSEQ, MAX_RSEQ

_RACK = re.compile(rf"{LWS}([0-9]++)[ \t]++([0-9]++)[ \t]++({TOKEN}){LWS}")


@dataclass(frozen=True, slots=True)
class RAck:
    """The response's RSeq, and the CSeq of what it answered."""

    rseq: int
    cseq: int
    method: str

    @classmethod
    def parse(cls, text: str) -> "RAck":
        """Read the value. Raises ParseError."""
        match = _RACK.fullmatch(text)
        if match is None:
            raise ParseError("RAck is malformed")
        return cls(number(match.group(1), "RAck", MAX_RSEQ), number(match.group(2), "RAck", MAX_CSEQ), match.group(3))

    def __str__(self) -> str:
        return f"{self.rseq} {self.cseq} {self.method}"

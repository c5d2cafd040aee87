"""Why a message could not be sent. Pure."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Unsent:
    """`problem` is for programs, `why` and `todo` for people; `todo` is empty where the transport knows of nothing."""

    problem: Literal["unreachable", "untrusted"]
    why: str
    todo: str = ""

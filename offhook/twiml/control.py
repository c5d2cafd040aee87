"""Redirect, Hangup, Leave, Reject and what is not done: where a document goes on, or ends. Pure."""

from dataclasses import dataclass

from offhook.twiml.attributes import Attributes, Notes
from offhook.twiml.element import Element

NOT_DONE = frozenset(
    {
        *("Sms", "Message", "Queue", "Pay", "Prompt", "Refer", "Start", "Stop", "Siprec", "Echo"),
        *("Autopilot", "VirtualAgent", "Room", "Conference", "Assistant", "Transcription", "Recording"),
    }
)
"""Verbs of Twilio's that are skipped, and reported."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go on with the document at `url`; empty: with the same again."""

    url: str
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave the queue in which the caller waits."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse a call that is not answered: `busy`, or not."""

    busy: bool = False


def read_redirect(element: Element, notes: Notes) -> Redirect:
    """A Redirect."""
    found = Attributes(element, notes)
    redirect = Redirect(element.text, found.method())
    found.finish()
    return redirect


def read_hangup(element: Element, notes: Notes) -> Hangup:
    """A Hangup."""
    Attributes(element, notes).finish()
    return Hangup()


def read_leave(element: Element, notes: Notes) -> Leave:
    """A Leave."""
    Attributes(element, notes).finish()
    return Leave()


def read_reject(element: Element, notes: Notes) -> Reject:
    """A Reject."""
    found = Attributes(element, notes)
    reject = Reject(found.one_of("reason", ("rejected", "busy"), "rejected") == "busy")
    found.finish()
    return reject

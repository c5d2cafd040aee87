"""A TwiML document: its verbs, and what is odd in it. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from offhook.twiml.attributes import Notes
from offhook.twiml.connect import Stream, read_connect
from offhook.twiml.control import (
    NOT_DONE,
    Hangup,
    Leave,
    Redirect,
    Reject,
    read_hangup,
    read_leave,
    read_redirect,
    read_reject,
)
from offhook.twiml.dial import Dial, read_dial
from offhook.twiml.element import Element, parse
from offhook.twiml.enqueue import Enqueue, read_enqueue
from offhook.twiml.errors import CONTENT_TYPE, TwimlError
from offhook.twiml.gather import Gather, read_gather
from offhook.twiml.limits import MAX_SAID_CHARS
from offhook.twiml.record import Record, read_record
from offhook.twiml.speech import Pause, Play, Say, read_pause, read_play, read_say

Verb = Say | Play | Pause | Gather | Record | Dial | Enqueue | Stream | Redirect | Hangup | Leave | Reject

XML_TYPES = ("text/xml", "application/xml", "text/html", "application/xhtml+xml", "")
"""Twilio reads all of these as TwiML; the last one is of a server that says nothing."""

_READERS: Mapping[str, Callable[[Element, Notes], Verb | None]] = {
    "Say": read_say,
    "Play": read_play,
    "Pause": read_pause,
    "Gather": read_gather,
    "Record": read_record,
    "Dial": read_dial,
    "Enqueue": read_enqueue,
    "Connect": read_connect,
    "Redirect": read_redirect,
    "Hangup": read_hangup,
    "Leave": read_leave,
    "Reject": read_reject,
}

VERBS = tuple(_READERS)
"""Those that are done."""


@dataclass(frozen=True, slots=True)
class Document:
    """What is run, one verb after the other. `warnings` and `not_done` are for the log and the call's record."""

    verbs: tuple[Verb, ...] = ()
    warnings: tuple[str, ...] = ()
    not_done: tuple[str, ...] = ()


def read_document(data: bytes) -> Document:
    """A document in XML. Raises TwimlError."""
    notes, verbs = Notes(), list[Verb]()
    for element in parse(data).children:
        reader = _READERS.get(element.name)
        if reader is not None:
            verb = reader(element, notes)
            verbs += [verb] if verb is not None else []
        elif element.name in NOT_DONE:
            notes.not_done.append(element.name)
        else:
            notes.warnings.append(f"line {element.line}: there is no verb <{element.name[:40]}>")
    return Document(tuple(verbs), tuple(notes.warnings), tuple(dict.fromkeys(notes.not_done)))


def document_of(content_type: str, body: bytes, url: str) -> Document:
    """What a server has sent, by its content type without parameters: TwiML, a text to say, or a sound, which is at
    `url`. Raises TwimlError."""
    if content_type in XML_TYPES:
        return read_document(body)
    if content_type == "text/plain":
        return Document((Say(" ".join(body.decode("utf-8", "replace").split())[:MAX_SAID_CHARS]),))
    if content_type.startswith("audio/"):
        return Document((Play(url),))
    raise TwimlError(CONTENT_TYPE, f"the content type is {content_type[:60]!r}, and not text/xml")

"""Dial: somebody else for the caller. Pure."""

from dataclasses import dataclass

from offhook.twiml.attributes import Attributes, Notes
from offhook.twiml.element import Element
from offhook.twiml.enqueue import MAX_NAME_CHARS
from offhook.twiml.limits import MAX_TARGETS, MAX_TIMEOUT_S

MAX_TIME_S = 86_400
STATUS_EVENTS = frozenset({"initiated", "ringing", "answered", "completed"})


@dataclass(frozen=True, slots=True)
class Noun:
    """A number or a SIP address to call. `status_events` are what `status_url` is told of that call: initiated,
    ringing, answered, completed."""

    address: str
    status_url: str = ""
    status_method: str = "POST"
    status_events: frozenset[str] = frozenset({"completed"})


@dataclass(frozen=True, slots=True)
class Dial:
    """Call `nouns`, all at the same time, or one after the other where it is `sequential`, until one answers, for
    `timeout_s`; or take the next caller of `queue`, and wait for so long until one comes.

    `action` None: the document goes on. `limit_s`: how long the two may talk.
    """

    nouns: tuple[Noun, ...] = ()
    queue: str = ""
    action: str | None = None
    method: str = "POST"
    timeout_s: int = 30
    limit_s: int = 14_400
    sequential: bool = False
    hang_up_on_star: bool = False
    answer_on_bridge: bool = False


def read_dial(element: Element, notes: Notes) -> Dial:
    """A Dial."""
    found = Attributes(element, notes)
    record = found.text("record", "do-not-record")
    if record not in ("do-not-record", "false", ""):
        notes.not_done.append("Dial record")
    dial = Dial(
        nouns=_nouns(element, notes)[:MAX_TARGETS],
        queue=_queue(element, notes),
        action=found.optional("action") or None,
        method=found.method(),
        timeout_s=found.number("timeout", 30, least=1, most=MAX_TIMEOUT_S),
        limit_s=found.number("timeLimit", 14_400, least=1, most=MAX_TIME_S),
        sequential=found.truth("sequential", False),
        hang_up_on_star=found.truth("hangupOnStar", False),
        answer_on_bridge=found.truth("answerOnBridge", False),
    )
    found.not_done("callerId", "ringTone", "recordingStatusCallback", "referUrl")
    found.ignored("recordingStatusCallbackMethod", "recordingStatusCallbackEvent", "recordingTrack", "trim")
    found.ignored("referMethod", "record")
    found.finish()
    return dial


def _nouns(element: Element, notes: Notes) -> tuple[Noun, ...]:
    nouns = list[Noun]()
    for content in element.content:
        if isinstance(content, str):
            nouns += [Noun(_number(content))] if content.strip() else []
        elif content.name in ("Number", "Sip"):
            nouns.append(_noun(content, notes))
        elif content.name != "Queue":
            notes.not_done.append(f"Dial {content.name[:40]}")
    return tuple(each for each in nouns if each.address)


def _queue(element: Element, notes: Notes) -> str:
    """The name of the first Queue; empty: there is none."""
    names = [_queue_name(each, notes) for each in element.children if each.name == "Queue"]
    if len(names) > 1 or (names and any(each.name in ("Number", "Sip") for each in element.children)):
        notes.warnings.append(f"line {element.line}: <Dial> has a Queue, and others to call, which are left out")
    return names[0] if names else ""


def _queue_name(element: Element, notes: Notes) -> str:
    found = Attributes(element, notes)
    found.not_done("url", "reservationSid", "postWorkActivitySid")
    found.ignored("method")
    found.finish()
    return element.text[:MAX_NAME_CHARS]


def _noun(element: Element, notes: Notes) -> Noun:
    found = Attributes(element, notes)
    found.not_done("url", "sendDigits", "machineDetection", "username")
    wanted = frozenset(found.text("statusCallbackEvent", "completed").split())
    if unknown := wanted - STATUS_EVENTS:
        notes.warnings.append(f"line {element.line}: <{element.name}> has statusCallbackEvent=`{min(unknown)[:40]}`")
    return Noun(
        _number(element.text) if element.name == "Number" else element.text.partition("?")[0],
        found.text("statusCallback"),
        found.method("statusCallbackMethod"),
        wanted & STATUS_EVENTS or frozenset({"completed"}),
    )


def _number(text: str) -> str:
    """A number without what people write between its digits."""
    return "".join(each for each in text if each in "+0123456789*#")

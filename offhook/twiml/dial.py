"""Dial: somebody else for the caller. Pure."""

from dataclasses import dataclass

from offhook.twiml.attributes import Attributes, Notes
from offhook.twiml.element import Element
from offhook.twiml.limits import MAX_TARGETS, MAX_TIMEOUT_S

MAX_TIME_S = 86_400


@dataclass(frozen=True, slots=True)
class Dial:
    """Call `targets`, numbers and SIP addresses, one after the other until one answers, each for `timeout_s`.

    `action` None: the document goes on. `limit_s`: how long the two may talk.
    """

    targets: tuple[str, ...] = ()
    action: str | None = None
    method: str = "POST"
    timeout_s: int = 30
    limit_s: int = 14_400
    hang_up_on_star: bool = False
    answer_on_bridge: bool = False


def read_dial(element: Element, notes: Notes) -> Dial:
    """A Dial."""
    found = Attributes(element, notes)
    record = found.text("record", "do-not-record")
    if record not in ("do-not-record", "false", ""):
        notes.not_done.append("Dial record")
    dial = Dial(
        targets=_targets(element, notes)[:MAX_TARGETS],
        action=found.optional("action") or None,
        method=found.method(),
        timeout_s=found.number("timeout", 30, least=1, most=MAX_TIMEOUT_S),
        limit_s=found.number("timeLimit", 14_400, least=1, most=MAX_TIME_S),
        hang_up_on_star=found.truth("hangupOnStar", False),
        answer_on_bridge=found.truth("answerOnBridge", False),
    )
    found.not_done("callerId", "ringTone", "sequential", "recordingStatusCallback", "referUrl")
    found.ignored("recordingStatusCallbackMethod", "recordingStatusCallbackEvent", "recordingTrack", "trim")
    found.ignored("referMethod", "record")
    found.finish()
    return dial


def _targets(element: Element, notes: Notes) -> tuple[str, ...]:
    targets = []
    for content in element.content:
        if isinstance(content, str):
            targets += [_number(content)] if content.strip() else []
        elif content.name in ("Number", "Sip"):
            attributes = Attributes(content, notes)
            attributes.not_done("url", "sendDigits", "statusCallback", "machineDetection", "username")
            targets.append(_number(content.text) if content.name == "Number" else content.text.partition("?")[0])
        else:
            notes.not_done.append(f"Dial {content.name[:40]}")
    return tuple(each for each in targets if each)


def _number(text: str) -> str:
    """A number without what people write between its digits."""
    return "".join(each for each in text if each in "+0123456789*#")

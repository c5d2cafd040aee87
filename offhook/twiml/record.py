"""Record: a message of the caller. Pure."""

from dataclasses import dataclass

from offhook.pipeline.dialog.limits import MAX_MESSAGE_S, MAX_MESSAGE_SILENCE_S
from offhook.twiml.attributes import Attributes, Notes
from offhook.twiml.element import Element

EVENTS = frozenset({"in-progress", "completed", "absent"})


@dataclass(frozen=True, slots=True)
class Record:
    """Record until the caller has been silent for `silence_s`, presses one of `end_keys`, or for `most_s`.

    `action` None: the document's own address. `status_events` are what `status_url` is told: in-progress, completed,
    absent.
    """

    action: str | None = None
    method: str = "POST"
    silence_s: float = 5
    most_s: float = MAX_MESSAGE_S
    end_keys: str = "1234567890*#"
    beep: bool = True
    trim: bool = True
    status_url: str = ""
    status_method: str = "POST"
    status_events: frozenset[str] = frozenset({"completed"})


def read_record(element: Element, notes: Notes) -> Record:
    """A Record."""
    found = Attributes(element, notes)
    events = frozenset(found.text("recordingStatusCallbackEvent", "completed").split())
    record = Record(
        action=found.optional("action") or None,
        method=found.method(),
        silence_s=found.number("timeout", 5, least=1, most=int(MAX_MESSAGE_SILENCE_S)),
        most_s=found.number("maxLength", int(MAX_MESSAGE_S), least=1, most=int(MAX_MESSAGE_S)),
        end_keys=found.keys("finishOnKey", "1234567890*#"),
        beep=found.truth("playBeep", True),
        trim=found.one_of("trim", ("trim-silence", "do-not-trim"), "trim-silence") == "trim-silence",
        status_url=found.text("recordingStatusCallback"),
        status_method=found.method("recordingStatusCallbackMethod"),
        status_events=events & EVENTS or frozenset({"completed"}),
    )
    if found.truth("transcribe", False) or found.text("transcribeCallback"):
        notes.not_done.append("Record transcribe")
    found.ignored("transcribe", "transcribeCallback", "recordingChannels")
    found.finish()
    return record

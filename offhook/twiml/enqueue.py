"""Enqueue: the caller waits in a queue of the settings, `[queues.NAME]`. Pure."""

from dataclasses import dataclass

from offhook.twiml.attributes import Attributes, Notes
from offhook.twiml.element import Element

MAX_NAME_CHARS = 64


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Wait in the queue `name`. `action` None: the document goes on afterwards. The document at `wait_url` is what the
    caller hears meanwhile; None: what the queue has."""

    name: str
    action: str | None = None
    method: str = "POST"
    wait_url: str | None = None
    wait_method: str = "POST"


def read_enqueue(element: Element, notes: Notes) -> Enqueue | None:
    """An Enqueue; None for one without a name, which is for Twilio's TaskRouter, and is noted."""
    found = Attributes(element, notes)
    own = " ".join("".join(each for each in element.content if isinstance(each, str)).split())
    enqueue = Enqueue(
        own[:MAX_NAME_CHARS],
        found.optional("action") or None,
        found.method(),
        found.optional("waitUrl") or None,
        found.method("waitUrlMethod"),
    )
    found.not_done("workflowSid", "maxQueueSize")
    found.finish()
    if not enqueue.name:
        notes.not_done.append("Enqueue without a queue's name")
        return None
    return enqueue

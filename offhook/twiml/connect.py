"""Connect with Stream: the call's audio for a program of one's own. Pure."""

from dataclasses import dataclass

from offhook.telephony.media_streams.limits import PARAMETER_CHARS, PARAMETERS
from offhook.twiml.attributes import Attributes, Notes
from offhook.twiml.element import Element


@dataclass(frozen=True, slots=True)
class Stream:
    """Both ways over a WebSocket at `url` (wss), which is told `parameters` at its beginning. `action` None: the
    document goes on afterwards."""

    url: str
    parameters: tuple[tuple[str, str], ...] = ()
    action: str | None = None
    method: str = "POST"


def read_connect(element: Element, notes: Notes) -> Stream | None:
    """The Stream of a Connect; None for one that connects to something else, which is noted."""
    found = Attributes(element, notes)
    action, method = found.optional("action") or None, found.method()
    found.finish()
    for child in element.children:
        if child.name == "Stream":
            inner = Attributes(child, notes)
            url = inner.text("url")
            inner.not_done("statusCallback")
            inner.ignored("name", "track", "statusCallbackMethod")
            inner.finish()
            return Stream(url, _parameters(child), action, method)
        notes.not_done.append(f"Connect {child.name[:40]}")
    return None


def _parameters(stream: Element) -> tuple[tuple[str, str], ...]:
    pairs = (each.attributes for each in stream.children if each.name == "Parameter")
    named = ((each.get("name", "")[:PARAMETER_CHARS], each.get("value", "")[:PARAMETER_CHARS]) for each in pairs)
    return tuple((name, value) for name, value in named if name)[:PARAMETERS]

"""The answers to Twilio's webhooks, as XML. Built as elements, never by concatenation: what callers send is escaped."""

from collections.abc import Iterable, Mapping
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, tostring

MEDIA_TYPE = "application/xml"


def connect_stream(
    url: str,
    parameters: Iterable[tuple[str, str]] = (),
    *,
    action: str | None = None,
    attributes: Mapping[str, str] | None = None,
) -> bytes:
    """Connect the call, both ways, to the stream at `url` (wss). `action` is the URL asked for what follows the
    stream; `attributes` are further ones of the stream. ValueError for text that XML cannot hold."""
    response = Element("Response")
    connect = SubElement(response, "Connect", {} if action is None else {"action": _text(action)})
    stream = SubElement(connect, "Stream", {"url": _text(url), **(attributes or {})})
    for name, value in parameters:
        SubElement(stream, "Parameter", name=_text(name), value=_text(value))
    return _document(response)


def plivo_stream(url: str) -> bytes:
    """Plivo's form of `connect_stream`."""
    response = Element("Response")
    wanted = {"bidirectional": "true", "keepCallAlive": "true", "contentType": "audio/x-mulaw;rate=8000"}
    SubElement(response, "Stream", wanted).text = _text(url)
    return _document(response)


def dial(number: str) -> bytes:
    """Connect the caller to `number`, and hang up when that call has ended."""
    response = Element("Response")
    SubElement(SubElement(response, "Dial", answerOnBridge="true"), "Number").text = _text(number)
    return _document(response)


def hang_up(reason: str | None = None) -> bytes:
    """End the call. `reason`: Plivo's form of `reject`."""
    response = Element("Response")
    SubElement(response, "Hangup", {} if reason is None else {"reason": _text(reason)})
    return _document(response)


def reject(reason: Literal["busy", "rejected"] = "busy") -> bytes:
    """Do not answer the call."""
    response = Element("Response")
    SubElement(response, "Reject", reason=reason)
    return _document(response)


def _document(response: Element) -> bytes:
    document: bytes = tostring(response, encoding="utf-8", xml_declaration=True)
    return document


def _text(text: str) -> str:
    # XML 1.0 §2.2: ElementTree would write these, and no parser would accept them.
    if any((c < " " and c not in "\t\n\r") or "\ud800" <= c <= "\udfff" or c in "\ufffe\uffff" for c in text):
        raise ValueError("XML has no control characters")
    return text

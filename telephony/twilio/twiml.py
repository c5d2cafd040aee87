"""The answers to Twilio's webhooks, as XML. Made of elements, never of strings: what callers send is only ever text."""

from collections.abc import Iterable
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, tostring

MEDIA_TYPE = "application/xml"


def connect_stream(url: str, parameters: Iterable[tuple[str, str]] = ()) -> bytes:
    """Connect the call, both ways, to the stream at `url` (wss). ValueError for text that XML cannot hold."""
    response = Element("Response")
    stream = SubElement(SubElement(response, "Connect"), "Stream", url=_text(url))
    for name, value in parameters:
        SubElement(stream, "Parameter", name=_text(name), value=_text(value))
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
    # XML 1.0 §2.2: ElementTree would write these, and no parser read them again.
    if any((c < " " and c not in "\t\n\r") or "\ud800" <= c <= "\udfff" or c in "\ufffe\uffff" for c in text):
        raise ValueError("XML has no control characters")
    return text

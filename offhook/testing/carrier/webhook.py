"""Asks a bot's webhook for a call, as Twilio does."""

import urllib.request
from collections.abc import Mapping
from urllib.parse import urlencode
from xml.etree import ElementTree

from offhook.telephony.media_streams.signature import sign
from offhook.testing.sip_caller import CallFailedError

ANSWER_S = 10.0


def ask_webhook(url: str, fields: Mapping[str, str], *, auth_token: str | None, signed_url: str | None = None) -> str:
    """Ask the webhook for a call, as Twilio does, and return the stream's URL from its answer.

    `signed_url` is the URL that the signature covers, where it differs from `url`. Blocks. Raises CallFailedError when
    the answer connects to no stream, OSError when there is no answer.
    """
    stream = ask_twiml(url, fields, auth_token=auth_token, signed_url=signed_url).find("Connect/Stream")
    if stream is None:
        raise CallFailedError("the webhook's answer connects to no stream")
    return stream.get("url", "")


def ask_twiml(
    url: str, fields: Mapping[str, str], *, auth_token: str | None, signed_url: str | None = None
) -> ElementTree.Element:
    """The same, for any answer: returns the `<Response>`. Raises CallFailedError if it is not TwiML."""
    signature = "" if auth_token is None else sign(auth_token, signed_url or url, {k: [v] for k, v in fields.items()})
    request = urllib.request.Request(url, urlencode(fields).encode(), {"X-Twilio-Signature": signature})
    with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
        try:
            return ElementTree.fromstring(answer.read())
        except ElementTree.ParseError as error:
            raise CallFailedError(f"the webhook's answer is not TwiML: {error}") from error

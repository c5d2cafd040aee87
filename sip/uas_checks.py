"""What a UAS looks at before it looks at what is asked: RFC 3261 §8.2.1 to §8.2.3."""

from dataclasses import dataclass

from offhook.sip.dialog.core import ALLOW
from offhook.sip.message import typed
from offhook.sip.message.body import ACCEPT, SDP, content_of, is_plain
from offhook.sip.message.message import ENDS_OR_CONFIRMS, Request
from offhook.sip.settings import UaSettings

ALLOWED = frozenset(ALLOW.split(", "))

KNOWN = frozenset({"REGISTER", "PRACK", "SUBSCRIBE", "NOTIFY", "PUBLISH", "INFO", "REFER", "MESSAGE", "UPDATE"})
"""Methods that exist (IANA, SIP parameters) and are not for us: 405, where others get 501."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A final response that the user agent gives by itself."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    reason: str | None = None


def check_method(request: Request) -> Refusal | None:
    """§8.2.1: a method that is not allowed here, or not known at all."""
    if request.method in ALLOWED:
        return None
    return Refusal(405 if request.method in KNOWN else 501, (("Allow", ALLOW),))


def check_headers(request: Request, settings: UaSettings) -> Refusal | None:
    """§8.2.2.1 and §8.2.2.3: the Request-URI's scheme and what is required of us. Raises ParseError."""
    scheme = request.uri.partition(":")[0].lower()
    if scheme not in settings.schemes:
        return Refusal(416)
    unknown = [option for option in typed.require(request) if option.lower() not in settings.supported]
    if unknown:
        return Refusal(420, (("Unsupported", ", ".join(unknown)),))
    return None


def check_content(request: Request) -> Refusal | None:
    """§8.2.3: a body that has to be understood and is not. Raises ParseError."""
    # A BYE ends the call whatever it carries; telephones have been seen to put statistics into it.
    if request.method in ENDS_OR_CONFIRMS or content_of(request).unknown is None:
        return None
    encodings = () if is_plain(request.headers) else (("Accept-Encoding", "identity"),)
    return Refusal(415, (("Accept", ACCEPT), *encodings))


def check_invite(request: Request) -> Refusal | None:
    """§8.1.1.8, §20.1: an INVITE needs a Contact and has to accept SDP. Raises ParseError."""
    if typed.contact(request) is None:
        return Refusal(400, reason="Missing Contact")
    values = request.headers.get_all("Accept")
    if values and not any(_covers_sdp(item) for value in values for item in value.split(",")):
        return Refusal(406)
    return None


def _covers_sdp(media_range: str) -> bool:
    name, *params = (part.strip().lower() for part in media_range.split(";"))
    if any(part.replace(" ", "") in {"q=0", "q=0.0", "q=0.00", "q=0.000"} for part in params):
        return False
    return name in {SDP, "application/*", "*/*"}

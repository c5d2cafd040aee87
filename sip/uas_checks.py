"""What a UAS checks before it handles a request: RFC 3261 §8.2.1 to §8.2.3."""

from dataclasses import dataclass

from offhook.sip.dialog.session_interval import is_too_short
from offhook.sip.message import typed
from offhook.sip.message.body import ACCEPT, SDP, content_of, is_plain
from offhook.sip.message.message import ENDS_OR_CONFIRMS, Request
from offhook.sip.methods import ALLOW, METHODS, NOT_SUPPORTED
from offhook.sip.policy import DialogPolicy
from offhook.sip.settings import UaSettings


@dataclass(frozen=True, slots=True)
class Refusal:
    """A final response of the user agent itself."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    reason: str | None = None


def check_method(request: Request) -> Refusal | None:
    """§8.2.1: a method that is not allowed, or unknown."""
    if request.method in METHODS:
        return None
    return Refusal(405 if request.method in NOT_SUPPORTED else 501, (("Allow", ALLOW),))


def check_headers(request: Request, settings: UaSettings, options: tuple[str, ...]) -> Refusal | None:
    """§8.2.2.1 and §8.2.2.3: the Request-URI's scheme and Require; `options` may be required. Raises ParseError."""
    scheme = request.uri.partition(":")[0].lower()
    if scheme not in settings.schemes:
        return Refusal(416)
    unknown = [option for option in typed.require(request) if option.lower() not in options]
    if unknown:
        return Refusal(420, (("Unsupported", ", ".join(unknown)),))
    return None


def check_extensions(request: Request, required: tuple[str, ...]) -> Refusal | None:
    """§21.4.16: the far end of a new call must support what our policy requires."""
    missing = [option for option in required if option not in typed.options(request)]
    return Refusal(421, (("Require", ", ".join(missing)),)) if missing else None


def check_interval(request: Request, policy: DialogPolicy) -> Refusal | None:
    """RFC 4028 §9: a session interval that is too short."""
    return Refusal(422, (("Min-SE", str(policy.min_session_expires_s)),)) if is_too_short(request, policy) else None


def check_content(request: Request) -> Refusal | None:
    """§8.2.3: a required body that is not understood. Raises ParseError."""
    # A BYE ends the call whatever its body; some phones put statistics into it. A NOTIFY's is no session description.
    if request.method in ENDS_OR_CONFIRMS or request.method == "NOTIFY" or content_of(request).unknown is None:
        return None
    encodings = () if is_plain(request.headers) else (("Accept-Encoding", "identity"),)
    return Refusal(415, (("Accept", ACCEPT), *encodings))


def check_invite(request: Request) -> Refusal | None:
    """§8.1.1.8, §20.1: an INVITE needs a Contact, except in a dialog, and must accept SDP. Raises ParseError."""
    if not typed.to_tag(request) and typed.contact(request) is None:
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

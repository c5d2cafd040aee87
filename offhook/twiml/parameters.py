"""The parameters of Twilio's requests for voice calls, as its documentation names them. Pure."""

import hashlib
from collections.abc import Mapping

from offhook.api.call import Call
from offhook.twiml.limits import MAX_HEADERS

API_VERSION = "2010-04-01"
NO_ACCOUNT = "AC" + "0" * 32

_MAX_CHARS = 1_000


def call_sid(call_id: str) -> str:
    """The CallSid of a call: the same for the same call."""
    return sid("CA", call_id)


def sid(kind: str, name: str) -> str:
    """An identifier as Twilio's are, of two letters and 32 hexadecimal digits; the same for the same name."""
    return kind + hashlib.sha256(name.encode()).hexdigest()[:32]


def standard(call: Call, account_sid: str) -> dict[str, str]:
    """What every request has, but for CallStatus. Headers that begin with X- are `SipHeader_X-…`, as with Twilio's SIP
    domains."""
    parties = call.identities
    caller, called = parties.caller.number or call.caller, parties.called.number or call.called
    found = {
        "CallSid": call_sid(call.id),
        "AccountSid": account_sid or NO_ACCOUNT,
        "ApiVersion": API_VERSION,
        "Direction": "inbound" if call.direction == "inbound" else "outbound-api",
        "From": caller,
        "Caller": caller,
        "To": called,
        "Called": called,
    }
    extra = [(name, value) for name, value in call.headers if name.lower().startswith("x-")][:MAX_HEADERS]
    found |= {f"SipHeader_{name}": value for name, value in extra}
    return {name: value[:_MAX_CHARS] for name, value in found.items()}


def call_status(call: Call, *, over: bool = False) -> Mapping[str, str]:
    """CallStatus."""
    return {"CallStatus": "completed" if over else "in-progress" if call.answered else "ringing"}

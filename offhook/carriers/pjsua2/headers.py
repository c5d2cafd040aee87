"""Header fields that PJSIP must not use: it takes what they are for granted, and ends its process where it is wrong."""

from collections.abc import Callable

import structlog

from offhook.carriers.pjsua2.descriptions import IGNORED, REQUEST

BAD_REQUEST = 400
LEADING = ("Record-Route", "Contact")
LEFT_OUT = ("Service-Route", "Expires", "Min-Expires", "Flow-Timer")
"""Where they are of no use, whatever the message."""
log = structlog.get_logger("offhook.pjsip")


def judge(on_refused: Callable[[int], None]) -> Callable[[bytes, str, bool], int]:
    """From PJSIP's summary of a message, the name of its field, and whether it is in a dialog, to the status to refuse
    it with, IGNORED, or 0. Statuses of requests are reported to `on_refused`."""

    def asked(message: bytes, name: str, in_dialog: bool) -> int:
        what = message.decode("utf-8", "replace").partition(" (")[0]
        status = verdict(what, name, in_dialog=in_dialog)
        if status > 0:
            log.warning("a message was refused", of=what, field=name)
            if what.startswith(REQUEST):
                on_refused(status)
        elif status:
            log.info("a header field was ignored", of=what, field=name)
        return status

    return asked


def verdict(what: str, name: str, *, in_dialog: bool) -> int:
    """For a message ("Request msg INVITE/cseq=1", "Response msg 200/INVITE/cseq=1") and its field that is not as PJSIP
    takes it to be.

    What says whose message it is has to be there once, with a host, and CSeq names the method (RFC 3261 §8.1.1,
    §8.1.3.5). To has a tag in a second answer to an INVITE: that from another phone could get no ACK.

    A route has SIP URIs (§12.1.1, §20.30), and requests in a call change none (§12.2). Without such a Contact
    PJSIP refuses an INVITE itself, and an answer leaves the call's target as it was. `*` in a response to REGISTER
    has no meaning (§10.3); what a redirection names is read by `call_attempts`. Where a time is left out that is too
    long, what we have asked for counts; so does our own route in place of a registrar's (RFC 3608 §5).
    """
    if name in LEFT_OUT:
        return IGNORED
    if name not in LEADING:
        return BAD_REQUEST
    return BAD_REQUEST if name == "Record-Route" and what.startswith(f"{REQUEST}INVITE/") and not in_dialog else IGNORED

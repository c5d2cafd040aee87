"""What PJSIP is asked to do with a call that it has. All of them raise PJSIP's error."""

from collections.abc import Callable, Mapping
from typing import Any

import pjsua2 as pj

from offhook.carriers.pjsua2.objects import PjCall
from offhook.observe.refusals import NO_CAPACITY, retry_after_s
from offhook.sip.commands import Cancel, Invite, Reject, Ring, SendKey
from offhook.sip.message.grammar import quote
from offhook.sip.message.identities import printable
from offhook.sip.message.reason import fields

SERVER_ERROR = 500


def options_of(status: int) -> Any:
    """To answer, or to refuse, with that status."""
    options = pj.CallOpParam(True)
    options.statusCode, options.opt.videoCount = status, 0
    return options


def add_headers(options: Any, headers: tuple[tuple[str, str], ...]) -> None:
    """Have these header fields in the message, as UTF-8: PJSIP's module takes nothing else."""
    for name, value in headers:
        header = pj.SipHeader()
        header.hName, header.hValue = name, printable(value)
        options.txOption.headers.append(header)


def invitation(command: Invite) -> Any:
    """What makes the INVITE that it asks for."""
    options = pj.CallOpParam(True)
    options.opt.videoCount = 0
    options.opt.customCallId = command.call_id
    add_headers(options, command.headers)
    if command.from_uri is not None:
        display = f"{quote(command.from_display)} " if command.from_display else ""
        options.txOption.localUri = f"{display}<{command.from_uri}>"
    return options


def _ring(call: PjCall, command: Ring) -> None:
    call.answer(options_of(command.status))


def answer(call: PjCall) -> None:
    """With 200, and PJSIP's description; or refuse the call, if PJSIP has none."""
    call.answered = True
    try:
        call.answer(options_of(200))
    except pj.Error:
        call.released = True
        call.hangup(options_of(SERVER_ERROR))
        raise


def with_retry_after(status: int, headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """A 503 says when to try again (RFC 3261 §21.5.4), as that of our own SIP does."""
    if status != NO_CAPACITY or any(name.lower() == "retry-after" for name, _ in headers):
        return headers
    return (*headers, ("Retry-After", str(retry_after_s())))


def _reject(call: PjCall, command: Reject) -> None:
    options = options_of(command.status)
    options.reason = command.reason or ""
    add_headers(options, with_retry_after(command.status, command.headers))
    call.released = True
    call.hangup(options)


def _cancel(call: PjCall, command: Cancel) -> None:
    options = pj.CallOpParam()
    add_headers(options, fields(command.reasons))
    call.gave_up = True
    call.hangup(options)


def _send_key(call: PjCall, command: SendKey) -> None:
    key = pj.CallSendDtmfParam()
    key.digits, key.duration, key.method = command.digit, command.duration_ms, pj.PJSUA_DTMF_METHOD_SIP_INFO
    call.sendDtmf(key)


COMMANDS: Mapping[type, Callable[[PjCall, Any], None]] = {
    Ring: _ring,
    Reject: _reject,
    Cancel: _cancel,
    SendKey: _send_key,
}

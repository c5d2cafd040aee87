"""Twilio's webhooks: `/twilio/voice` tells it where to connect a call, `/twilio/status` hears that one is over."""

from collections.abc import Callable
from time import monotonic
from urllib.parse import parse_qs

import structlog
from fastapi import APIRouter, Request, Response

from offhook.web.twilio_door import STATUS_PATH, VOICE_PATH, Refused, TwilioDoor
from telephony.twilio.limits import SID_CHARS
from telephony.twilio.twiml import MEDIA_TYPE, connect_stream, reject

BODY_OCTETS = 65_536
FIELDS = 200
NAME_CHARS = 256
"""Of a caller's or a called name that is kept."""

FORM = "application/x-www-form-urlencoded"
OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})

Fields = dict[str, list[str]]


def twilio_routes(door: TwilioDoor, refusal: Callable[[], str | None]) -> APIRouter:
    """`refusal()` tells why no call may come now."""
    router = APIRouter()
    log = structlog.get_logger("offhook.web")

    @router.post(VOICE_PATH)
    async def voice(request: Request) -> Response:
        fields = await _fields(request, door)
        if isinstance(fields, Refused):
            return _refuse(fields)
        call_sid = _one(fields, "CallSid", SID_CHARS)
        if not call_sid:
            return _refuse(Refused(400, "a webhook without CallSid"))
        if (why := refusal()) is not None:
            log.info("call refused", why=why)
            return Response(reject("busy"), media_type=MEDIA_TYPE)
        caller, called = _one(fields, "From", NAME_CHARS), _one(fields, "To", NAME_CHARS)
        return Response(_connect(door, request, call_sid, caller, called), media_type=MEDIA_TYPE)

    @router.post(STATUS_PATH)
    async def status(request: Request) -> Response:
        fields = await _fields(request, door)
        if isinstance(fields, Refused):
            return _refuse(fields)
        if _one(fields, "CallStatus", 32) in OVER:
            door.tickets.void(_one(fields, "CallSid", SID_CHARS))
        return Response(status_code=204)

    return router


def _connect(door: TwilioDoor, request: Request, call_sid: str, caller: str, called: str) -> bytes:
    if door.open:
        return connect_stream(door.stream_url("", request.headers.get("host", "")), (("from", caller), ("to", called)))
    token = door.tickets.issue(call_sid, caller, called, monotonic())
    return connect_stream(door.stream_url(token, ""))


def _refuse(refused: Refused) -> Response:
    structlog.get_logger("offhook.web").warning("webhook refused", status=refused.status, why=refused.why)
    return Response(status_code=refused.status)


async def _fields(request: Request, door: TwilioDoor) -> Fields | Refused:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_OCTETS:
            return Refused(413, f"a body of more than {BODY_OCTETS} octets")
    peer = request.client.host if request.client is not None else ""
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != FORM:
        return door.judge_body(path, request.headers, peer, body) or Refused(415, "a body that is no form")
    try:
        fields = parse_qs(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=FIELDS,
        )
    except ValueError as error:
        return Refused(400, f"no form: {error}")
    return door.judge_form(path, request.headers, peer, fields) or fields


def _one(fields: Fields, name: str, most: int) -> str:
    """The field's only value; empty if there is none, or more than one, or more than `most` characters of it."""
    values = fields.get(name, [])
    value = values[0] if len(values) == 1 else ""
    return value if len(value) <= most and value.isprintable() else ""

"""Twilio's webhooks: `/twilio/voice` answers where to connect a call, `/twilio/resume` what to do after the stream has
ended; `/twilio/status` receives the status of calls.
"""

from time import monotonic
from urllib.parse import parse_qs

import structlog
from fastapi import APIRouter, Request, Response

from offhook.telephony.media_streams.call_status import is_final
from offhook.telephony.media_streams.limits import SID_CHARS
from offhook.telephony.media_streams.twiml import MEDIA_TYPE, connect_stream, hang_up, reject
from offhook.web.refusal_log import WebRefusalLog
from offhook.web.stream_auth import Refused
from offhook.web.twilio_auth import RESUME_PATH, STATUS_PATH, VOICE_PATH, TwilioAuth
from offhook.web.upgrade import StreamTaker

FIELDS = 200
NAME_CHARS = 256
"""Of the caller and the called number."""

FORM = "application/x-www-form-urlencoded"

Fields = dict[str, list[str]]


def twilio_routes(auth: TwilioAuth, taker: StreamTaker) -> APIRouter:
    """The routes; `taker` gets the calls."""
    router = APIRouter()
    log = WebRefusalLog()
    _connecting(router, auth, taker, log)
    _status(router, auth, taker, log)

    async def by_get() -> Response:
        log.refused("webhook refused", 405, "it came with GET; choose HTTP POST for it in Twilio's console")
        return Response(status_code=405, headers={"Allow": "POST"})

    for path in (VOICE_PATH, RESUME_PATH, STATUS_PATH):
        router.add_api_route(path, by_get, methods=["GET"], response_model=None)
    return router


def _connecting(router: APIRouter, auth: TwilioAuth, taker: StreamTaker, refusals: WebRefusalLog) -> None:
    log = structlog.get_logger("offhook.web")

    @router.post(VOICE_PATH)
    async def voice(request: Request) -> Response:
        fields = await _fields(request, auth)
        if isinstance(fields, Refused):
            return _refuse(fields, refusals)
        call_sid = _one(fields, "CallSid", SID_CHARS)
        if not call_sid:
            return _refuse(Refused(400, unusable("CallSid")), refusals)
        if taker.stream_refusal() is not None:
            taker.stream_refused()
            return Response(reject("busy"), media_type=MEDIA_TYPE)
        return Response(_connect(auth, request, call_sid, fields), media_type=MEDIA_TYPE)

    @router.post(RESUME_PATH)
    async def resume(request: Request) -> Response:
        fields = await _fields(request, auth)
        if isinstance(fields, Refused):
            return _refuse(fields, refusals)
        call_sid = _one(fields, "CallSid", SID_CHARS)
        if not call_sid or not taker.may_resume(call_sid):
            return Response(hang_up(), media_type=MEDIA_TYPE)
        log.info("the call goes on with another stream", call_sid=call_sid)
        return Response(_connect(auth, request, call_sid, fields, resumes=True), media_type=MEDIA_TYPE)


def _status(router: APIRouter, auth: TwilioAuth, taker: StreamTaker, refusals: WebRefusalLog) -> None:
    @router.post(STATUS_PATH)
    async def status(request: Request) -> Response:
        fields = await _fields(request, auth)
        if isinstance(fields, Refused):
            return _refuse(fields, refusals)
        call_sid, reported = _one(fields, "CallSid", SID_CHARS), _one(fields, "CallStatus", 32)
        if is_final(reported):
            auth.tickets.void(call_sid)
        if call_sid and reported:
            taker.call_status(call_sid, reported)
        return Response(status_code=204)


def _connect(auth: TwilioAuth, request: Request, call_sid: str, fields: Fields, *, resumes: bool = False) -> bytes:
    caller, called = _first(fields, "From"), _first(fields, "To")
    if auth.unauthenticated:
        return connect_stream(auth.stream_url("", request.headers.get("host", "")), (("from", caller), ("to", called)))
    details = {"resumable": "1"}
    if resumes:
        details["resumes"] = "1"
    if _first(fields, "Direction").startswith("outbound"):
        details["direction"] = "outbound"
    if answered_by := _first(fields, "AnsweredBy"):
        details["answered_by"] = answered_by
    token = auth.tickets.issue(call_sid, caller, called, monotonic(), details=details)
    return connect_stream(auth.stream_url(token, ""), action=auth.resume_url)


def unusable(field: str) -> str:
    """Why a webhook without a usable call name is refused."""
    return f"{field} is missing, repeated, longer than {SID_CHARS} characters, or not printable"


def _refuse(refused: Refused, refusals: WebRefusalLog) -> Response:
    refusals.refused("webhook refused", refused.status, refused.why)
    return Response(status_code=refused.status)


async def _fields(request: Request, auth: TwilioAuth) -> Fields | Refused:
    body = await request.body()
    peer = request.client.host if request.client is not None else ""
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != FORM:
        return auth.check_body(path, request.headers, peer, body) or Refused(415, "the body is not a form")
    try:
        fields = parse_qs(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=FIELDS,
        )
    except ValueError as error:
        return Refused(400, f"not a form: {error}")
    return auth.check_form(path, request.headers, peer, fields) or fields


def _first(fields: Fields, name: str) -> str:
    """The first value of a field that only describes the call; empty if it cannot be stored."""
    return _one({name: fields.get(name, [])[:1]}, name, NAME_CHARS)


def _one(fields: Fields, name: str, most: int) -> str:
    """The field's only value; empty if there is none, or more than one, or more than `most` characters of it."""
    values = fields.get(name, [])
    value = values[0] if len(values) == 1 else ""
    return value if len(value) <= most and value.isprintable() else ""

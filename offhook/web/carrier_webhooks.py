"""The webhooks of carriers that do not sign their requests: `/CARRIER/voice/SECRET` answers where to connect a call.

What each sends and expects is in docs/carriers.md, with the source.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response

from offhook.observe.refusals import retry_after_s
from offhook.telephony.media_streams.limits import SID_CHARS
from offhook.telephony.media_streams.messages import text_of
from offhook.telephony.media_streams.twiml import MEDIA_TYPE, connect_stream, hang_up, plivo_stream, reject
from offhook.web.carrier_auth import CarrierAuth
from offhook.web.refusal_log import WebRefusalLog
from offhook.web.stream_auth import Refused
from offhook.web.twilio_webhooks import FIELDS, NAME_CHARS, unusable
from offhook.web.upgrade import StreamTaker

JSON_TYPE = "application/json"

TELNYX_STREAM = {"codec": "PCMU", "bidirectionalMode": "rtp", "bidirectionalCodec": "PCMU"}


@dataclass(frozen=True, slots=True)
class Ringing:
    """A call for the carrier to connect to `url`."""

    url: str
    call: str
    caller: str
    called: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """One carrier's webhook: the names of its fields, and the answers. `busy` None: the carrier has no such answer."""

    call: str
    caller: str
    called: str
    answer: Callable[[Ringing], bytes]
    busy: Callable[[], bytes] | None
    media_type: str = MEDIA_TYPE


def _ncco(ringing: Ringing) -> bytes:
    endpoint = {
        "type": "websocket",
        "uri": ringing.url,
        "content-type": "audio/l16;rate=8000",
        "headers": {"uuid": ringing.call, "from": ringing.caller, "to": ringing.called},
    }
    return json.dumps([{"action": "connect", "endpoint": [endpoint]}]).encode()


WEBHOOKS: Mapping[str, Webhook] = {
    "signalwire": Webhook("CallSid", "From", "To", lambda ringing: connect_stream(ringing.url, _who(ringing)), reject),
    "telnyx": Webhook(
        "CallSid", "From", "To", lambda ringing: connect_stream(ringing.url, attributes=TELNYX_STREAM), reject
    ),
    "plivo": Webhook("CallUUID", "From", "To", lambda ringing: plivo_stream(ringing.url), lambda: hang_up("busy")),
    "vonage": Webhook("uuid", "from", "to", _ncco, None, JSON_TYPE),
}


def carrier_routes(auth: CarrierAuth, taker: StreamTaker) -> APIRouter:
    """The routes; `taker` gets the calls."""
    router = APIRouter()
    for carrier, webhook in WEBHOOKS.items():
        handler = _handler(carrier, webhook, auth, taker)
        for path in (f"/{carrier}/voice", f"/{carrier}/voice/{{secret}}"):
            router.add_api_route(path, handler, methods=["GET", "POST"], response_model=None)
    return router


def _handler(carrier: str, webhook: Webhook, auth: CarrierAuth, taker: StreamTaker) -> Callable[..., object]:
    log = WebRefusalLog()

    async def voice(request: Request, secret: str = "") -> Response:
        peer = request.client.host if request.client is not None else ""
        refused = auth.check_webhook(secret, request.headers, peer)
        fields = refused or await _fields(request)
        if isinstance(fields, Refused):
            log.refused("webhook refused", fields.status, fields.why, carrier=carrier)
            return Response(status_code=fields.status)
        call = _text(fields, webhook.call, SID_CHARS)
        if not call:
            log.refused("webhook refused", 400, unusable(webhook.call), carrier=carrier)
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        if taker.stream_refusal() is not None:
            taker.stream_refused()
            if webhook.busy is None:
                return Response(
                    status_code=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": str(retry_after_s())}
                )
            return Response(webhook.busy(), media_type=webhook.media_type)
        caller, called = _text(fields, webhook.caller, NAME_CHARS), _text(fields, webhook.called, NAME_CHARS)
        ticket = "" if auth.unauthenticated else auth.tickets.issue(call, caller, called, monotonic(), signed=False)
        url = auth.stream_url(carrier, ticket, request.headers.get("host", ""))
        return Response(webhook.answer(Ringing(url, call, caller, called)), media_type=webhook.media_type)

    return voice


async def _fields(request: Request) -> Mapping[str, object] | Refused:
    """The fields of the query, and of the body: a form or a JSON object."""
    body = await request.body()
    fields: dict[str, object] = dict(request.query_params)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if content_type == JSON_TYPE:
            found = json.loads(body)
            fields |= found if isinstance(found, dict) else {}
        else:
            fields |= parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS)
    except (ValueError, RecursionError) as error:
        return Refused(400, f"neither a form nor JSON: {error}")
    return fields


def _who(ringing: Ringing) -> tuple[tuple[str, str], ...]:
    return (("from", ringing.caller), ("to", ringing.called))


def _text(fields: Mapping[str, object], name: str, most: int) -> str:
    value = text_of(fields.get(name))
    return value if len(value) <= most and value.isprintable() else ""

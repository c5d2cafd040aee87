"""Joins an application, the door to media streams, and the web server that both stand behind."""

import structlog
from fastapi import FastAPI
from starlette.datastructures import Headers

from offhook.settings.config import Config
from offhook.web.carrier_auth import CarrierAuth, open_carrier_door
from offhook.web.carrier_webhooks import carrier_routes
from offhook.web.server import WebServer
from offhook.web.talk import TalkAuth, talk_routes
from offhook.web.twilio_auth import MEDIA_PATH, Accepted, Refused, TwilioAuth, open_door
from offhook.web.twilio_webhooks import twilio_routes
from offhook.web.upgrade import StreamTaker, gate_of


def server_with_streams(app: FastAPI, config: Config, taker: StreamTaker) -> WebServer:
    """A web server for `app`, with Twilio's webhooks and media streams as far as the settings let them in, and those of
    the page's telephone. `app` has to judge who gets its tickets (`Access`).

    UserError for settings that would let anybody in.
    """
    door = open_door(config)
    log = structlog.get_logger("offhook.web")
    if door is None:
        log.info("no calls over media streams", why="they need Twilio's auth token, or HTTP on a loopback address")
    else:
        app.include_router(twilio_routes(door, taker))
        whom = "programs on this machine, and nobody else" if door.open else "Twilio, by its signature"
        log.info("calls over media streams", path=MEDIA_PATH, open_to=whom)
    carriers = open_carrier_door(config)
    if carriers is not None:
        app.include_router(carrier_routes(carriers, taker))
        if not carriers.open:
            log.info("calls over other carriers' media streams", open_to="whoever knows the secret, or has a ticket")
    talk = TalkAuth()
    app.include_router(talk_routes(talk, taker.stream_refusal))
    return WebServer(app, gate_of(StreamAuths(door, carriers, talk), taker))


class StreamAuths:
    """Twilio's, that of the other carriers, and that of the browser phone; either of the first two may be missing."""

    def __init__(self, twilio: TwilioAuth | None, carriers: CarrierAuth | None, talk: TalkAuth) -> None:
        self._carriers = carriers
        self._others: dict[str, TwilioAuth | TalkAuth | None] = {"twilio": twilio, "talk": talk}

    def judge_upgrade(self, path: str, headers: Headers, peer: str) -> Accepted | Refused:
        """A WebSocket is asked for."""
        door = self._others.get(path.split("/", 2)[1] if path.startswith("/") else "", self._carriers)
        return Refused(404, "there is no such WebSocket") if door is None else door.judge_upgrade(path, headers, peer)

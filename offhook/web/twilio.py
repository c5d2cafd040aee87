"""Joins an application, the door to media streams, and the web server that both stand behind."""

import structlog
from fastapi import FastAPI
from starlette.datastructures import Headers

from offhook.config import Config
from offhook.web.carrier_door import CarrierDoor, open_carrier_door
from offhook.web.carrier_routes import carrier_routes
from offhook.web.server import WebServer
from offhook.web.talk import TalkDoor, talk_routes
from offhook.web.twilio_door import MEDIA_PATH, Pass, Refused, TwilioDoor, open_door
from offhook.web.twilio_gate import StreamTaker, gate_of
from offhook.web.twilio_routes import twilio_routes


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
    talk = TalkDoor()
    app.include_router(talk_routes(talk, taker.stream_refusal))
    return WebServer(app, gate_of(Doors(door, carriers, talk), taker))


class Doors:
    """Twilio's, that of the other carriers, and that of the browser phone; either of the first two may be missing."""

    def __init__(self, twilio: TwilioDoor | None, carriers: CarrierDoor | None, talk: TalkDoor) -> None:
        self._carriers = carriers
        self._others: dict[str, TwilioDoor | TalkDoor | None] = {"twilio": twilio, "talk": talk}

    def judge_upgrade(self, path: str, headers: Headers, peer: str) -> Pass | Refused:
        """A WebSocket is asked for."""
        door = self._others.get(path.split("/", 2)[1] if path.startswith("/") else "", self._carriers)
        return Refused(404, "there is no such WebSocket") if door is None else door.judge_upgrade(path, headers, peer)

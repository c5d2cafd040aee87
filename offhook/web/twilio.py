"""Joins an application, the door to media streams, and the web server that both stand behind."""

import structlog
from fastapi import FastAPI

from offhook.config import Config
from offhook.web.server import WebServer
from offhook.web.talk import talk_routes
from offhook.web.twilio_door import MEDIA_PATH, open_door
from offhook.web.twilio_gate import StreamTaker, gate_of
from offhook.web.twilio_routes import twilio_routes


def server_with_streams(app: FastAPI, config: Config, taker: StreamTaker) -> WebServer:
    """A web server for `app`, with Twilio's webhooks and media streams as far as the settings let them in.

    UserError for settings that would let anybody in.
    """
    door = open_door(config)
    log = structlog.get_logger("offhook.web")
    if door is None:
        log.info("no calls over media streams", why="they need Twilio's auth token, or HTTP on a loopback address")
    else:
        app.include_router(twilio_routes(door, taker.stream_refusal))
        whom = "programs on this machine, and nobody else" if door.open else "Twilio, by its signature"
        log.info("calls over media streams", path=MEDIA_PATH, open_to=whom)
    app.include_router(talk_routes(door, taker.stream_refusal))
    return WebServer(app, gate_of(door, taker))

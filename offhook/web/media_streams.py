"""Joins the web application, the authentication of media streams, and the server."""

import structlog
from fastapi import FastAPI
from starlette.datastructures import Headers

from offhook.calls.directory import CallDirectory
from offhook.settings.config import Config
from offhook.web.carrier_auth import CarrierAuth, carrier_auth
from offhook.web.carrier_webhooks import carrier_routes
from offhook.web.server import WebServer
from offhook.web.stream_auth import Accepted, Refused
from offhook.web.talk import TalkAuth, talk_routes
from offhook.web.twilio_auth import MEDIA_PATH, TwilioAuth, twilio_auth
from offhook.web.twilio_webhooks import twilio_routes
from offhook.web.upgrade import StreamTaker, upgrade_factory


def server_with_streams(
    app: FastAPI, config: Config, taker: StreamTaker, directory: CallDirectory | None = None
) -> WebServer:
    """A web server for `app`, with the webhooks and media streams that the settings allow, and those of the page's
    phone. `Access` has to guard `app`, which issues the tickets.

    `directory` keeps the tickets. UserError for settings that would let anybody in.
    """
    twilio, carriers, talk = twilio_auth(config), carrier_auth(config), TalkAuth()
    if directory is not None:
        _share_tickets(directory, twilio, carriers, talk)
    log = structlog.get_logger("offhook.web")
    if twilio is None:
        log.info("no calls over media streams", why="they need Twilio's auth token, or HTTP on a loopback address")
    else:
        app.include_router(twilio_routes(twilio, taker))
        local = "programs on this machine" + (" that have the pages' password" if config.http.password else "")
        log.info(
            "calls over media streams",
            path=MEDIA_PATH,
            open_to=local if twilio.unauthenticated else "Twilio, by its signature",
        )
    if carriers is not None:
        app.include_router(carrier_routes(carriers, taker))
        if not carriers.unauthenticated:
            log.info("calls over other carriers' media streams", open_to="those with the secret or a ticket")
    app.include_router(talk_routes(talk, taker.stream_refusal, whole_numbers(config)))
    return WebServer(app, upgrade_factory(StreamAuths(twilio, carriers, talk), taker))


def whole_numbers(config: Config) -> list[str]:
    """The numbers of the routes, without patterns, which cannot be called."""
    return [number for route in config.routes for number in route.number if not set("*?") & set(number)]


def _share_tickets(
    directory: CallDirectory, twilio: TwilioAuth | None, carriers: CarrierAuth | None, talk: TalkAuth
) -> None:
    """A stream may arrive at another node than the webhook that issued its ticket."""
    if twilio is not None:
        twilio.tickets = directory.tickets("twilio")
    if carriers is not None:
        carriers.tickets = directory.tickets("carriers")
    talk.tickets = directory.tickets("talk")


class StreamAuths:
    """A `StreamAuth` that picks the one for the path. `twilio` and `carriers` may be missing."""

    def __init__(self, twilio: TwilioAuth | None, carriers: CarrierAuth | None, talk: TalkAuth) -> None:
        self._carriers = carriers
        self._others: dict[str, TwilioAuth | TalkAuth | None] = {"twilio": twilio, "talk": talk}

    def check_upgrade(self, path: str, headers: Headers, peer: str) -> Accepted | Refused:
        """See StreamAuth."""
        auth = self._others.get(path.split("/", 2)[1] if path.startswith("/") else "", self._carriers)
        return Refused(404, "there is no such WebSocket") if auth is None else auth.check_upgrade(path, headers, peer)

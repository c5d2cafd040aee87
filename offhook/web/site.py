"""Adds the pages and their API to the application, behind `access`."""

import structlog
from fastapi import FastAPI

from offhook.settings.config import Config
from offhook.web.access import Access, is_loopback_name
from offhook.web.call_list import Records
from offhook.web.calls import calls_routes
from offhook.web.live import LiveHub, live_routes
from offhook.web.pages import page_routes, read_pages
from offhook.web.recordings import recording_routes


def add_site(app: FastAPI, hub: LiveHub, records: Records, config: Config) -> None:
    """Add them to `app`. Without a password in the settings they can be seen on this machine only."""
    _log_access(config)
    app.include_router(live_routes(hub))
    folder = config.records.dir.resolve()
    key_file = config.records.key_file
    app.include_router(calls_routes(records, folder / "recordings", folder / "captures", key_file))
    app.include_router(recording_routes(folder / "recordings", key_file))
    app.include_router(page_routes(read_pages()))
    app.add_middleware(Access, password=config.http.password)


def _log_access(config: Config) -> None:
    log = structlog.get_logger("offhook.web")
    if is_loopback_name(config.http.host):
        return
    if config.http.password is None:
        log.warning("the pages open on this machine only", why="no password is set", todo="OFFHOOK_HTTP__PASSWORD=…")
    else:
        log.warning(
            "the pages open to everybody who has the password",
            why="it travels in the clear",
            todo="put a proxy with HTTPS in front, or use trusted networks only",
        )

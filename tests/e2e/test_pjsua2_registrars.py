"""Registrars whose answers no proper one sends: the bot goes on, over either backend, and calls go out afterwards."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.backends import BACKENDS, settings_of
from tests.e2e.callee import GOOD, Callee
from tests.e2e.conftest import BotProcess
from tests.e2e.test_calls_out import ask, record, start, until
from tests.e2e.test_pjsua2_offers import lives, pytestmark

__all__ = ["pytestmark"]

KEEP_ALIVE = "\r\n"
SERVICE = "Service-Route: " + ", ".join(["<sip:{host}:{port};lr>"] * 8)
REGISTERED = {
    "anything": ("Contact: *", "Expires: 60", "Service-Route: <tel:+15550100>"),
    "a telephone": ("Contact: <tel:+15550100>;expires=60",),
    "mail": ("Contact: <mailto:a@example.com>, *", "Expires: 60"),
    "nowhere": ("Contact: <sip:a@[]>;expires=60", "Path: <sip:[]>", "P-Associated-URI: <sip:[]>"),
    "for ever": ("Expires: 4294967295",),
    "nearly for ever": ("Expires: 4294967294",),
    "a binding for ever": ("Contact: <sip:a@192.0.2.1>;expires=4294967295",),
    "by nobody": ("Service-Route: <sip:[];lr>",),
    "by somebody, and by nobody": ("Service-Route: <sip:{host}:{port};lr>, <sip:[];lr>",),
    "by eight": (SERVICE,),
    "by eight, and more": (SERVICE, SERVICE, SERVICE, SERVICE),
    "with keep-alives at once": ("Expires: 60", "Flow-Timer: 1"),
    "with keep-alives at once, by a number too long": ("Expires: 60", "Flow-Timer: 4294967297"),
    "by no name": ("Service-Route: <sip:" + "a" * 3_000 + ">",),
}
"""Header fields of a registrar's answer."""


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("registered", REGISTERED.values(), ids=REGISTERED)
def test_answers_of_a_registrar(
    start_bot: Callable[..., BotProcess], tmp_path: Path, backend: str, registered: tuple[str, ...]
) -> None:
    """And a call goes out afterwards."""
    with Callee(registered=registered) as callee:
        extra = "registration = true\nexpires_s = 60\n"
        bot = start(start_bot, tmp_path, callee.port, extra=extra, **settings_of(backend))
        bot.wait_for(lambda: json.loads(bot.get("/api/status"))["trunks"][0]["state"] == "registered")
        with lives(bot):
            assert "REGISTER" in callee.methods
            assert callee.methods.count(KEEP_ALIVE) <= 1
            call = callee.called(bot, (GOOD,))
            until(bot, call, "answered")
            ask(bot, "DELETE", f"/api/calls/{call}")
            record(bot, call)
            assert callee.methods.count(KEEP_ALIVE) <= 1


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seen_at", ["[]", "nobody", "::1", "[::1]", "a" * 3_000])
def test_a_registrar_for_whom_we_are_nowhere(
    start_bot: Callable[..., BotProcess], tmp_path: Path, backend: str, seen_at: str
) -> None:
    """The Contact of a call is what it was."""
    with Callee(registered=("Expires: 60",), seen_at=seen_at) as callee:
        extra = "registration = true\nexpires_s = 60\n"
        bot = start(start_bot, tmp_path, callee.port, extra=extra, **settings_of(backend))
        bot.wait_for(lambda: json.loads(bot.get("/api/status"))["trunks"][0]["state"] == "registered")
        with lives(bot):
            call = callee.called(bot, (GOOD,))
            until(bot, call, "answered")
            assert f"Contact: <sip:bot@{bot.host}:{bot.port}" in callee.invite
            ask(bot, "DELETE", f"/api/calls/{call}")
            record(bot, call)

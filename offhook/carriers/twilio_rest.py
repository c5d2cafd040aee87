"""Twilio's REST API through Twilio's own package (the extra `twilio`): place, end and transfer calls.

Every method blocks, for at most `TIMEOUT_S`: call it in a thread. Each raises UserError for what the settings lack or
Twilio refuses. `twilio_control.open_rest` imports this module on first use, as it needs the package.
"""

import logging
from typing import Any

from requests.exceptions import RequestException
from twilio.base.exceptions import TwilioException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from offhook.carriers.phone_numbers import require_number
from offhook.settings.config import TwilioConfig
from offhook.telephony.media_streams.twiml import dial
from offhook.usererror import UserError

# It logs ten lines a request, one of them with the number.
logging.getLogger("twilio.http_client").setLevel(logging.WARNING)

TIMEOUT_S = 10.0
STATUS_EVENTS = ["initiated", "ringing", "answered", "completed"]


class TwilioRest:
    """An account's REST API. UserError if the settings name no account."""

    def __init__(self, config: TwilioConfig) -> None:
        self._config = config
        self._client = _client(config)

    def dial(self, number: str, *, ring_s: int, detect_machine: bool) -> str:
        """Call `number`; when it answers, Twilio asks our webhook what to do. Returns the call's SID."""
        require_number(number)
        caller, public_url = self._config.number, (self._config.public_url or "").rstrip("/")
        if caller is None or not public_url:
            what = "OFFHOOK_TWILIO__PUBLIC_URL=https://bot.example.com" if caller else "OFFHOOK_TWILIO__NUMBER=+1555…"
            raise UserError(
                f"{number} cannot be called",
                "Twilio needs one of your numbers as the caller, and the bot's public URL",
                f"export {what}",
            )
        detection: dict[str, Any] = {"machine_detection": "Enable"} if detect_machine else {}
        with _refusals(f"call {number}"):
            call = self._client.calls.create(
                to=number,
                from_=caller,
                url=f"{public_url}/twilio/voice",
                status_callback=f"{public_url}/twilio/status",
                status_callback_event=STATUS_EVENTS,
                timeout=ring_s,
                **detection,
            )
        return str(call.sid)

    def status(self, call_sid: str) -> str:
        """The call's current status."""
        with _refusals(f"ask for the call {call_sid}"):
            return str(self._client.calls(call_sid).fetch().status)

    def hang_up(self, call_sid: str) -> None:
        """End the call, regardless of what its TwiML would do next."""
        with _refusals(f"end the call {call_sid}"):
            self._client.calls(call_sid).update(status="completed")

    def transfer(self, call_sid: str, number: str) -> None:
        """Connect the call to `number`, which was checked before."""
        with _refusals(f"transfer the call to {number}"):
            self._client.calls(call_sid).update(twiml=dial(number).decode())


class _refusals:
    """Turns what Twilio's client raises into a UserError."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, TwilioException | RequestException):
            raise UserError(
                f"Twilio did not {self._what}",
                str(getattr(error, "msg", "") or error)[:300],
                "check the number, the account's balance and its geographic permissions in Twilio's console",
            ) from error


def _client(config: TwilioConfig) -> Client:
    if config.account_sid is None or config.auth_token is None:
        missing = "ACCOUNT_SID=AC…" if config.account_sid is None else "AUTH_TOKEN=…"
        raise UserError(
            "Twilio's REST API cannot be used",
            "it needs the account's SID and its auth token",
            f"export OFFHOOK_TWILIO__{missing} (Twilio's console shows it)",
        )
    client = Client(config.account_sid, config.auth_token, http_client=TwilioHttpClient(timeout=TIMEOUT_S))
    if config.api_url is not None:
        client.api.base_url = config.api_url.rstrip("/")
    return client

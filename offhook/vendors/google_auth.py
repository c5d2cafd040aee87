"""Who we are to Google: an API key, or credentials whose tokens are renewed in a thread.

Credentials are Google's "application default": the file that GOOGLE_APPLICATION_CREDENTIALS names, what
`gcloud auth application-default login` has left, or those of the machine in Google's cloud.
"""

import asyncio
from pathlib import Path
from typing import Any

import google.auth
import google.auth.credentials
import google.auth.exceptions
import google.auth.transport.requests
from google.oauth2 import service_account

from offhook.pipeline.errors import EngineError
from offhook.vendors.errors import VendorRefusedError

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
KEY_HINT = "Type: export GOOGLE_API_KEY=…"
HINT = "Type: export GOOGLE_APPLICATION_CREDENTIALS=FILE, or export GOOGLE_API_KEY=…"

Headers = tuple[tuple[str, str], ...]
TokenState = google.auth.credentials.TokenState


class GoogleAuth:
    """For one engine, named `name`. `api_key` comes before `credentials_file`, and that before what the machine has."""

    def __init__(self, name: str, api_key: str | None, credentials_file: Path | None) -> None:
        self.project: str | None = None
        """The credentials' project, once there have been `headers`."""
        self._name = name
        self._api_key = api_key
        self._file = credentials_file
        self._credentials: Any = None
        self._refreshing: asyncio.Task[None] | None = None

    async def headers(self) -> Headers:
        """Of a call. Waits only if there is no valid token; one that is about to expire is renewed meanwhile.

        Raises VendorRefusedError if there are no credentials or they are refused, EngineError if Google cannot be
        reached.
        """
        if self._api_key is not None:
            return (("x-goog-api-key", self._api_key),)
        if self._refreshing is None and (
            self._credentials is None or self._credentials.token_state is not TokenState.FRESH
        ):
            self._refreshing = asyncio.create_task(self._refresh())
            self._refreshing.add_done_callback(_seen)
        if self._refreshing is not None and not self._is_valid:
            await asyncio.shield(self._refreshing)
        found: dict[str, str] = {}
        self._credentials.apply(found)
        return tuple((name.lower(), value) for name, value in found.items())

    @property
    def _is_valid(self) -> bool:
        return self._credentials is not None and self._credentials.token_state is not TokenState.INVALID

    async def _refresh(self) -> None:
        what = "connecting to Google"
        try:
            await asyncio.to_thread(self._load_and_refresh)
        except google.auth.exceptions.RefreshError as error:
            if error.retryable:
                raise EngineError(self._name, what, f"there is no new token: {error}") from error
            raise VendorRefusedError(self._name, what, f"Google refused the credentials ({error})", HINT) from error
        except google.auth.exceptions.TransportError as error:
            raise EngineError(self._name, what, f"there is no new token: {error}") from error
        except (google.auth.exceptions.GoogleAuthError, OSError, ValueError) as error:
            why = f"there are no credentials, or they cannot be read ({str(error)[:200]})"
            raise VendorRefusedError(self._name, what, why, HINT) from error
        finally:
            self._refreshing = None

    def _load_and_refresh(self) -> None:
        """In a thread: this reads files, and may ask Google."""
        if self._credentials is None:
            if self._file is None:
                found, self.project = google.auth.default(scopes=SCOPES)
            else:
                found = service_account.Credentials.from_service_account_file(str(self._file), scopes=SCOPES)
                self.project = found.project_id
            if hasattr(found, "with_always_use_jwt_access"):
                found = found.with_always_use_jwt_access(True)  # a service account signs its tokens itself
            self._credentials = found
        if self._credentials.token_state is not TokenState.FRESH:
            self._credentials.refresh(google.auth.transport.requests.Request())


def _seen(task: asyncio.Task[None]) -> None:
    """Whoever waits has the error; a renewal ahead of time that fails is tried again."""
    if not task.cancelled():
        task.exception()

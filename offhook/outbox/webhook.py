"""Events as HTTP requests, signed (`signature`)."""

import time
from collections.abc import Callable

from offhook.http_request import HttpRequest, HttpRequestError, HttpStatus
from offhook.outbox.receiver import Attempt, Result
from offhook.outbox.signature import signed_headers
from offhook.records.outbox import OutboxRow, Subscription
from offhook.settings.webhooks import WebhookConfig

GONE = 410
LATER = (429, 503)
MAX_PAUSE_S = 3_600.0
"""However long a Retry-After is."""


class Webhook:
    """A receiver as `[webhooks.NAME]` describes it. `wall` is Unix time in seconds."""

    def __init__(self, name: str, config: WebhookConfig, wall: Callable[[], float] = time.time) -> None:
        self.subscription = Subscription(name, frozenset(config.events), config.transcript)
        self.at_once = config.at_once
        self.timeout_s = config.timeout_s
        self.longest_retry_s = config.longest_retry_s
        self.give_up_s = config.give_up_h * 3_600
        self._config = config
        self._wall = wall

    async def deliver(self, row: OutboxRow) -> Attempt:
        """Send it; delivered is what is answered with 200 to 299."""
        body = row.body.encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        if self._config.secret is not None:
            headers |= signed_headers(self._config.secret, row.id, self._wall(), body)
        else:
            headers |= {"webhook-id": row.id, "webhook-timestamp": str(int(self._wall()))}
        request = HttpRequest(self._config.url, "POST", headers, self._config.allow_private)
        try:
            return _attempt(await request.post(body))
        except HttpRequestError as error:
            return Attempt(Result.FAILED, error.reason)


def _attempt(answer: HttpStatus) -> Attempt:
    status = answer.status
    if 200 <= status < 300:
        return Attempt(Result.DELIVERED)
    if status == GONE:
        return Attempt(Result.GONE, f"HTTP {status}")
    if 300 <= status < 400:
        return Attempt(Result.FAILED, f"it redirects (HTTP {status}), which is not followed")
    pause_s = min(MAX_PAUSE_S, answer.retry_after_s or 0.0) if status in LATER else 0.0
    return Attempt(Result.FAILED, f"HTTP {status}", pause_s)

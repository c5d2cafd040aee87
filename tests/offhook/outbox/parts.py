"""Calls, webhooks and what both need."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from offhook.outbox.deliveries import Deliveries
from offhook.outbox.webhook import Webhook
from offhook.records import RecordStore
from offhook.records.outbox import OutboxRow, listed
from offhook.settings.webhooks import WebhookConfig
from offhook.testing.webhook_receiver import WebhookReceiver
from tests.offhook.records.children import call, done

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def hook(receiver: WebhookReceiver, name: str = "crm", **settings: Any) -> Webhook:
    return Webhook(name, WebhookConfig(url=receiver.url, allow_private=True, **{"secret": SECRET, **settings}))


@asynccontextmanager
async def delivering(path: Path, *hooks: Webhook) -> AsyncIterator[tuple[RecordStore, Deliveries]]:
    """A store, and deliveries to these."""
    store = RecordStore.open(str(path / "calls.db"), subscriptions=[each.subscription for each in hooks])
    deliveries = Deliveries(store, hooks)
    deliveries.start()
    try:
        yield store, deliveries
    finally:
        await deliveries.stop()
        store.close()


def have_call(store: RecordStore, src: str = "alice") -> str:
    """A call from its answer to its end; its id."""
    clock, record = call(src)
    store.begin(record)
    store.finish(done(clock, record))
    return record.uniqueid


async def until(condition: Callable[[], bool], within_s: float = 20.0) -> None:
    """Wait until it is so. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def settled(store: RecordStore) -> None:
    """Wait until everything is delivered."""
    await asyncio.to_thread(store.flush)
    await until(lambda: not waiting(store), 40.0)


def waiting(store: RecordStore) -> list[OutboxRow]:
    return store.read(lambda conn: listed(conn, None, 10_000))

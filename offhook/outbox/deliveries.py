"""All receivers of a bot, each with a queue of its own."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from offhook.outbox.mail import Mailbox
from offhook.outbox.queue import ReceiverQueue
from offhook.outbox.receiver import Receiver
from offhook.outbox.webhook import Webhook
from offhook.records import RecordStore
from offhook.records.outbox import NOTHING, totals
from offhook.settings.config import Config

IDLE_LOOK_S = 0.05


def receivers_of(config: Config) -> list[Receiver]:
    """The receivers that the settings name."""
    receivers: list[Receiver] = [Webhook(name, each) for name, each in config.webhooks.items()]
    if config.mail.host is not None:
        folder = config.records.dir.resolve() / "recordings"
        receivers.append(Mailbox(config.mail, folder, config.records.key_file))
    return receivers


class Deliveries:
    """Delivers what `store` has for these receivers, from `start` to `stop`, on the running loop."""

    def __init__(self, store: RecordStore, receivers: Sequence[Receiver]) -> None:
        self.queues = [ReceiverQueue(store, each) for each in receivers]
        self._store = store
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, with what is left from before."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(queue.run()) for queue in self.queues]

        def wake() -> None:  # in the writer's thread, which may outlive the loop
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._wake)

        self._store.on_outgoing = wake

    async def stop(self, last_s: float = 0.0) -> None:
        """End; what is under way, or due, has `last_s`. What is left is delivered after the next start."""
        with suppress(TimeoutError):
            async with asyncio.timeout(last_s):
                if self.queues:
                    await asyncio.to_thread(self._store.flush, last_s)
                while not all(queue.idle or queue.state != "open" for queue in self.queues):  # noqa: ASYNC110
                    await asyncio.sleep(IDLE_LOOK_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(queue.stop() for queue in self.queues))

    async def dump(self) -> list[dict[str, Any]]:
        """The state of each receiver, as plain values; of receivers that the settings do not name any more, too."""
        if not self.queues:
            return []
        try:
            found = {row["receiver"]: row for row in await asyncio.to_thread(self._store.read, totals)}
        except SQLAlchemyError:
            found = {}
        now = time.time()
        rows = []
        for queue in self.queues:
            row = found.pop(queue.name, NOTHING)
            rows.append(_row(queue.name, row, queue.state, queue.problem, now))
        return rows + [_row(name, row, "unknown", "the settings do not name it", now) for name, row in found.items()]

    def _wake(self) -> None:
        for queue in self.queues:
            queue.wake()


def _row(name: str, row: Mapping[str, Any], state: str, why: str, now: float) -> dict[str, Any]:
    oldest = row["oldest"]
    return {
        "receiver": name,
        "state": state,
        "waiting": row["waiting"],
        "waiting_bytes": row["waiting_bytes"],
        "given_up": row["given_up"],
        "oldest_s": 0.0 if oldest is None else round(max(0.0, now - oldest), 1),
        "why": why,
    }

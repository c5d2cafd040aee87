"""Tells an application what happens in a call, by requests whose answers change nothing."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from offhook.twiml.client import Client
from offhook.twiml.errors import TwimlError
from offhook.twiml.limits import FETCH_S, MAX_TOLD


@dataclass(frozen=True, slots=True)
class _Message:
    url: str
    method: str
    parameters: Mapping[str, str]


class Teller:
    """Sends them one after the other to each server, so that they arrive in their order, and one that is slow holds up
    no other. `on_failure` is called with what goes wrong."""

    def __init__(self, client: Client, on_failure: Callable[[TwimlError], None]) -> None:
        self._client = client
        self._on_failure = on_failure
        self._waiting: dict[str, deque[_Message]] = {}
        self._sending: set[asyncio.Task[None]] = set()

    def tell(self, url: str, base: str, method: str, parameters: Mapping[str, str]) -> bool:
        """Send a request soon. False: MAX_TOLD wait already, and it is left out."""
        if self.waiting >= MAX_TOLD:
            return False
        try:
            url = self._client.resolve(url, base)
        except TwimlError as error:
            self._on_failure(error)
            return True
        server = urlsplit(url).netloc
        if server in self._waiting:
            self._waiting[server].append(_Message(url, method, parameters))
            return True
        self._waiting[server] = deque([_Message(url, method, parameters)])
        task = asyncio.get_running_loop().create_task(self._send_all(server))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return True

    @property
    def waiting(self) -> int:
        """How many are not sent yet."""
        return sum(map(len, self._waiting.values()))

    async def told(self) -> int:
        """Wait until all are sent, for FETCH_S at most; returns how many are left out."""
        try:
            if self._sending:
                await asyncio.wait(tuple(self._sending), timeout=FETCH_S)
        finally:
            self._on_failure = _ignored  # it is of who has us
        left = self.waiting
        for task in self._sending:
            task.cancel()
        return left

    async def _send_all(self, server: str) -> None:
        waiting = self._waiting[server]
        try:
            while waiting:
                message = waiting[0]  # it counts until it is sent
                try:
                    await self._client.fetch(message.url, message.url, message.method, message.parameters)
                except TwimlError as error:
                    self._on_failure(error)
                waiting.popleft()
        finally:
            del self._waiting[server]


def _ignored(error: TwimlError) -> None:
    """Callback of a call that has ended."""

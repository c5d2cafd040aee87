"""The commands that run a test server for a bot in another process."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from offhook.usererror import UserError


class Server(Protocol):
    """A test server."""

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; 0 takes any free port."""

    async def close(self) -> None:
        """End everything."""


_Server = TypeVar("_Server", bound=Server)


def serve(make: Callable[[], _Server], port: int, settings: Callable[[_Server], Iterable[str]]) -> None:
    """Run a server until it is interrupted; once it listens, print the `settings` that a bot needs."""

    async def until_interrupted() -> None:
        server = make()
        await server.start(port)
        try:
            print("\n".join(settings(server)), flush=True)  # noqa: T201  # it is what the command is for
            await asyncio.Event().wait()
        finally:
            await server.close()

    try:
        asyncio.run(until_interrupted())
    except KeyboardInterrupt:
        return
    except UserError as error:
        raise SystemExit(str(error)) from None

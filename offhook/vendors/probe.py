"""Tries a connection to a vendor that accepts any key at first, and says what is wrong in a message."""

import asyncio
from collections.abc import Callable

from offhook.pipeline.errors import EngineError
from offhook.vendors.connection import Connection, Message
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.limits import Limits
from offhook.vendors.target import Target
from offhook.vendors.websocket import dial_websocket
from offhook.vendors.wire import Dial

Judge = Callable[[Message], EngineError | bool]
"""What a message says: it works (True), it does not (the error), or nothing about that (False)."""


class _Probe:
    def __init__(self, connection: Connection, judge: Judge, may_close: tuple[int, ...]) -> None:
        self.verdict: asyncio.Future[EngineError | None] = asyncio.get_running_loop().create_future()
        self._connection = connection
        self._judge = judge
        self._may_close = may_close

    def on_message(self, message: Message) -> None:
        """See Receiver."""
        found = self._judge(message)
        if found is not False and not self.verdict.done():
            self.verdict.set_result(None if found is True else found)

    def on_lost(self, error: EngineError) -> None:
        """See Receiver."""
        if not self.verdict.done():
            self.verdict.set_result(None if self._connection.close_code in self._may_close else error)


async def probe(
    target: Target,
    limits: Limits,
    judge: Judge,
    wait_s: float,
    dial: Dial = dial_websocket,
    may_close: tuple[int, ...] = (),
) -> EngineError | None:
    """Raises VendorRefusedError if the vendor refuses `target`. Returns why it cannot be reached; None if it can, which
    a silent one can.

    Of a vendor that says nothing when all is well, `wait_s` is how long it takes to complain, and `may_close` has the
    codes with which it closes.
    """
    connection = Connection(target, limits, dial)
    connection.receiver = probe = _Probe(connection, judge, may_close)
    error: EngineError | None
    try:
        await connection.opened()
        async with asyncio.timeout(wait_s):
            error = await probe.verdict
    except TimeoutError:
        error = None
    except EngineError as failure:
        error = failure
    connection.close()
    await connection.gone()
    if isinstance(error, VendorRefusedError):
        raise error
    return error

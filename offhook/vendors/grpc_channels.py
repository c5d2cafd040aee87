"""gRPC channels to one vendor: few connections that are kept open, with a call on them for each turn or text.

    channels = GrpcChannels(auth.headers, limits)
    pool = Pool(limits, dial=channels.dial)
    await channels.connect(target)      # so that no call has to wait for it
    await channels.close()

A call on an open channel costs no round trip, so that it is made when it is needed. For one event loop.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import grpc
import grpc.aio

from offhook.vendors.grpc_wire import Call, GrpcWire, status_error
from offhook.vendors.limits import Limits
from offhook.vendors.target import Target

MAX_CALLS = 80
"""At a time on one channel; servers usually allow 100 streams on a connection."""

KEEPALIVE_MS = 30_000
RECONNECT_MIN_MS, RECONNECT_MAX_MS = 250, 15_000

Headers = Callable[[], Awaitable[tuple[tuple[str, str], ...]]]


@dataclass(eq=False, slots=True)
class _Channel:
    place: tuple[str, str]
    channel: grpc.aio.Channel
    calls: int = 0
    keeping: "asyncio.Task[None] | None" = field(default=None)

    async def keep_open(self) -> None:
        """gRPC forgets an idle connection that the vendor has closed: it is opened again at once."""
        while True:
            state = self.channel.get_state(try_to_connect=True)
            await self.channel.wait_for_state_change(state)


class GrpcChannels:
    """See the module. `headers` returns what every call has, such as the key; it may raise EngineError."""

    def __init__(self, headers: Headers, limits: Limits) -> None:
        self._headers = headers
        self._limits = limits
        self._channels: list[_Channel] = []

    def connect(self, target: Target) -> None:
        """Begin to open as many channels as `Limits.spare` says."""
        place = _place(target)
        for _ in range(self._limits.spare - sum(each.place == place for each in self._channels)):
            self._open(place, is_local=target.is_local)

    async def close(self) -> None:
        """Close all; calls on them end. Idempotent."""
        while self._channels:
            found = self._channels.pop()
            if found.keeping is not None:
                found.keeping.cancel()
                with suppress(asyncio.CancelledError):
                    await found.keeping
            await found.channel.close()

    async def dial(self, target: Target, limits: Limits) -> GrpcWire:
        """See Dial. The target's path is the method."""
        metadata = (*await self._headers(), *target.headers)
        target = replace(target, headers=metadata)
        found = self._pick(target)
        found.calls += 1

        def release() -> None:
            found.calls -= 1

        call: Call = found.channel.stream_stream(urlsplit(target.url).path)(metadata=metadata)
        try:
            await call.wait_for_connection()
        except grpc.aio.AioRpcError as error:
            release()
            raise status_error(target, error.code(), error.details(), is_open=False) from error
        except BaseException:
            release()
            call.cancel()
            raise
        return GrpcWire(target, call, release)

    def dump(self) -> dict[str, object]:
        """The live state, for debugging."""
        return {"channels": len(self._channels), "calls": sum(each.calls for each in self._channels)}

    def _pick(self, target: Target) -> _Channel:
        """The one with the fewest calls; another, if all are full."""
        place = _place(target)
        same = [each for each in self._channels if each.place == place]
        least = min(same, key=lambda each: each.calls, default=None)
        return least if least is not None and least.calls < MAX_CALLS else self._open(place, is_local=target.is_local)

    def _open(self, place: tuple[str, str], *, is_local: bool) -> _Channel:
        scheme, address = place
        options = [
            ("grpc.use_local_subchannel_pool", 1),  # otherwise all channels share a connection
            ("grpc.keepalive_time_ms", KEEPALIVE_MS),
            ("grpc.keepalive_timeout_ms", round(1000 * self._limits.ping_s)),
            ("grpc.initial_reconnect_backoff_ms", RECONNECT_MIN_MS),
            ("grpc.min_reconnect_backoff_ms", round(1000 * self._limits.connect_s)),
            ("grpc.max_reconnect_backoff_ms", RECONNECT_MAX_MS),
            ("grpc.max_receive_message_length", self._limits.max_message_bytes),
            ("grpc.enable_retries", 0),
            ("grpc.enable_http_proxy", 0 if is_local else 1),
            ("grpc.primary_user_agent", "offhook"),
        ]
        if scheme == "https":
            channel = grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(), options=options)
        else:
            channel = grpc.aio.insecure_channel(address, options=options)
        found = _Channel(place, channel)
        found.keeping = asyncio.get_running_loop().create_task(found.keep_open())
        self._channels.append(found)
        return found


def _place(target: Target) -> tuple[str, str]:
    url = urlsplit(target.url)
    return url.scheme, f"{url.hostname}:{url.port or (443 if url.scheme == 'https' else 80)}"

"""How a gRPC call's end is told, while messages to the vendor are on their way."""

import asyncio
from contextlib import suppress

import grpc
import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from offhook.testing.vendors.grpc_server import Call, GrpcServer, Method
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.grpc_channels import GrpcChannels
from offhook.vendors.grpc_wire import END, GrpcWire, ask
from offhook.vendors.limits import Limits
from offhook.vendors.target import Target
from offhook.vendors.wire import WireClosedError

CALLS, ANSWERS = 200, 5
REASON = "not with this key"
PATH = "test.Test/Answer"
REQUEST = BytesValue(value=bytes(1_000)).SerializeToString()


class AnsweringServer(GrpcServer):
    """Answers the first message of a call `ANSWERS` times, and ends the call whatever else comes. `at_once`: refuses it
    before."""

    def __init__(self, code: grpc.StatusCode, *, at_once: bool = False) -> None:
        super().__init__()
        self._refusal = (code, REASON) if at_once else None

        async def answer(call: Call) -> None:
            await call.read(5.0, "")
            for number in range(ANSWERS):
                await call.write(BytesValue(value=bytes([number])))
            if code is not grpc.StatusCode.OK:
                await call.abort(code, REASON)

        self.methods = {PATH: Method(BytesValue, answer)}

    def refusal(self, metadata: dict[str, str]) -> tuple[grpc.StatusCode, str] | None:
        return self._refusal


async def no_headers() -> tuple[tuple[str, str], ...]:
    return ()


async def write(wire: GrpcWire) -> None:
    """Without end."""
    with suppress(WireClosedError):
        while True:
            await wire.send(REQUEST)


@pytest.mark.parametrize("code", [grpc.StatusCode.OK, grpc.StatusCode.PERMISSION_DENIED], ids=str)
async def test_the_vendor_ends_the_call_while_we_write(code: grpc.StatusCode) -> None:
    """All its messages and its status are read, and not gRPC's own error of the message that it did not take."""
    channels = GrpcChannels(no_headers, Limits())
    async with AnsweringServer(code) as server:
        target = Target("asr", "test", "Test", f"{server.url}/{PATH}", (), "Type: test")
        for _ in range(CALLS):
            wire = await channels.dial(target, Limits())
            writer = asyncio.create_task(write(wire))
            messages = [message async for message in wire]
            async with asyncio.timeout(5.0):
                await writer
            wire.abort()
            assert len(messages) - messages.count(END) == ANSWERS
            if code is grpc.StatusCode.OK:
                assert messages[-1] == END
            else:
                error = wire.ended()
                assert isinstance(error, VendorRefusedError)
                assert f"403: {REASON}" in error.why
        await channels.close()


async def test_a_request_that_is_refused_before_it_is_sent() -> None:
    channels = GrpcChannels(no_headers, Limits())
    async with AnsweringServer(grpc.StatusCode.UNAUTHENTICATED, at_once=True) as server:
        target = Target("tts", "test", "Test", f"{server.url}/{PATH}", (), "Type: test")
        for _ in range(CALLS):
            with pytest.raises(VendorRefusedError, match=f"401: {REASON}"):
                await ask(target, REQUEST, Limits(), 5.0, channels.dial)
        await channels.close()

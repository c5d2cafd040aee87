"""The program of an engine host: `python -m offhook.pipeline.engine_host.main module:Class`, started by `pool`.

One thread. It reads messages whenever there are any, and between them lets the engine do one small step for one stream,
so that several streams share the child fairly and pings are answered soon whatever the backlog.
"""

import json
import os
import select
import signal
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Protocol

from offhook.pipeline.engine_host.protocol import Kind, MessageReader, ProtocolError, StreamFailure, decode_json, encode

READ_BYTES = 65_536
NICENESS = 5
"""The media path runs in the parent and takes priority."""

Emit = Callable[[Kind, int, bytes], None]


class HostedEngine(Protocol):
    """The engine in a child. Any method may raise StreamFailure, which ends the stream in question."""

    def info(self) -> dict[str, object]:
        """The content of READY."""
        ...

    def open(self, stream: int, payload: bytes) -> None:
        """Begin a stream."""

    def data(self, stream: int, payload: bytes) -> None:
        """Store the stream's input for `step`."""

    def end(self, stream: int) -> None:
        """The stream's input is complete."""

    def drop(self, stream: int) -> None:
        """Drop the stream; unknown streams are ignored."""

    def next_stream(self) -> int | None:
        """The stream that the next `step` is for, None if there is nothing to do."""
        ...

    def step(self, stream: int) -> None:
        """Do a little work for a stream: at most a few tens of milliseconds."""


class EngineHost:
    """The main loop of a child, over two file descriptors."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._reader = MessageReader()

    def emit_json(self, kind: Kind, stream: int, values: Mapping[str, object]) -> None:
        """Write a message with a JSON object."""
        self.emit(kind, stream, json.dumps(values).encode())

    def emit(self, kind: Kind, stream: int, payload: bytes = b"") -> None:
        """Write a message; blocks while the parent does not read."""
        view = memoryview(encode(kind, stream, payload))
        while view:
            view = view[os.write(self._write_fd, view) :]

    def fail(self, stream: int, failure: StreamFailure) -> None:
        """Report to the parent that a stream, or with 0 the child, has failed."""
        self.emit_json(Kind.FAILED, stream, failure.values)

    def configuration(self) -> dict[str, object] | None:
        """Wait for the first message, which has the engine's options; None if the parent is gone."""
        while True:
            for kind, _stream, payload in self._reader.messages():
                if kind is not Kind.CONFIG:
                    raise ProtocolError(f"{kind.name} before CONFIG")
                return decode_json(payload)
            data = os.read(self._read_fd, READ_BYTES)
            if not data:
                return None
            self._reader.push(data)

    def run(self, engine: HostedEngine) -> None:
        """Serve until the parent closes its end."""
        self._take_messages(engine)
        while True:
            stream = engine.next_stream()
            readable, _, _ = select.select([self._read_fd], [], [], None if stream is None else 0)
            if readable:
                data = os.read(self._read_fd, READ_BYTES)
                if not data:
                    return
                self._reader.push(data)
                self._take_messages(engine)
                stream = engine.next_stream()
            if stream is not None:
                try:
                    engine.step(stream)
                except StreamFailure as failure:
                    self._end_stream(engine, stream, failure)

    def _take_messages(self, engine: HostedEngine) -> None:
        for kind, stream, payload in self._reader.messages():
            try:
                self._dispatch(engine, kind, stream, payload)
            except StreamFailure as failure:
                self._end_stream(engine, stream, failure)

    def _end_stream(self, engine: HostedEngine, stream: int, failure: StreamFailure) -> None:
        engine.drop(stream)
        self.fail(stream, failure)

    def _dispatch(self, engine: HostedEngine, kind: Kind, stream: int, payload: bytes) -> None:
        match kind:
            case Kind.DATA:
                engine.data(stream, payload)
            case Kind.PING:
                self.emit(Kind.PONG, 0, payload)
            case Kind.OPEN:
                engine.open(stream, payload)
            case Kind.END:
                engine.end(stream)
            case Kind.CANCEL:
                engine.drop(stream)
            case _:
                raise ProtocolError(f"{kind.name} from the parent")


def _load(target: str, options: dict[str, object], emit: Emit) -> HostedEngine:
    module, _, name = target.partition(":")
    try:
        hosted: Callable[[dict[str, object], Emit], HostedEngine] = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise StreamFailure(f"loading {target}", str(error)) from error
    return hosted(options, emit)


def _take_over_pipes() -> tuple[int, int]:
    # C libraries may write to fd 1: move the protocol elsewhere, and discard their output.
    read_fd, write_fd = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    return read_fd, write_fd


def main(argv: list[str]) -> int:
    """Run the HostedEngine named in the arguments."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = EngineHost(*_take_over_pipes())
    try:
        os.nice(NICENESS)
        # A child does its work in one thread: for small matrices, synchronising cores costs more than it gains.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        options = child.configuration()
        if options is None:
            return 0
        try:
            engine = _load(argv[1], options, child.emit)
        except StreamFailure as failure:
            child.fail(0, failure)
            return 1
        child.emit_json(Kind.READY, 0, engine.info())
        child.run(engine)
    except BrokenPipeError:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))

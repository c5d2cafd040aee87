"""The parent's view of one child: the process, its pipes, its streams, and whether it is alive."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any

from offhook.pipeline.engine_host.protocol import Kind, MessageReader, ProtocolError, decode_json, encode, encode_json
from offhook.pipeline.engine_host.stream import Counters, HostLimits, HostStream, PartialHandler
from offhook.pipeline.errors import EngineError, EngineTimeout

READ_BYTES = 65_536


class HostState(StrEnum):
    """The state of a child."""

    STARTING = "starting"
    READY = "ready"
    GONE = "gone"


class HostProcess:
    """A child from start to end. It ends once, with a reason (`error`).

    It is alive as long as it responds: between two steps it reads its pipe, and returns every PING.
    """

    def __init__(
        self,
        target: str,
        name: str,
        options: Mapping[str, object],
        limits: HostLimits,
        counters: Counters,
        on_change: Callable[["HostProcess"], None],
    ) -> None:
        self.name = name
        self.limits = limits
        self.counters = counters
        self.state = HostState.STARTING
        self.error: EngineError | None = None
        self._target = target
        self._on_change = on_change
        self._process: asyncio.subprocess.Process | None = None
        self._streams: dict[int, HostStream] = {}
        self._last_number = 0
        self._settled = asyncio.Event()
        self._stderr = bytearray()
        self._unsent = bytearray(encode_json(Kind.CONFIG, 0, options))
        self._asked_at: float | None = None
        self._loop = asyncio.get_running_loop()
        self._started_at = self._loop.time()
        self._task = self._loop.create_task(self._live())

    @property
    def load(self) -> int:
        """The number of its streams."""
        return len(self._streams)

    @property
    def pid(self) -> int | None:
        """The process id, once there is a process."""
        return self._process.pid if self._process is not None else None

    @property
    def age_s(self) -> float:
        """Time since it was started."""
        return self._loop.time() - self._started_at

    async def ready(self) -> None:
        """Wait until it has loaded. Raises the EngineError that ended it if it fails."""
        await self._settled.wait()
        if self.error is not None:
            raise self.error

    def open(self, payload: Mapping[str, object], on_partial: PartialHandler | None) -> HostStream:
        """Begin a stream; a child that is still loading gets it afterwards."""
        self._last_number += 1
        stream = HostStream(self, self._last_number, on_partial)
        self._streams[self._last_number] = stream
        try:
            request = encode_json(Kind.OPEN, self._last_number, payload)
        except ProtocolError as error:
            stream.fail(EngineError(self.name, "opening a stream", str(error)))
            del self._streams[self._last_number]
            return stream
        self.write(request)
        return stream

    def write(self, data: bytes) -> bool:
        """Send the child a message; False, with nothing sent, if too much is unread."""
        if self.state is HostState.GONE:
            return True
        if self._process is None or self._process.stdin is None:
            self._unsent += data
            return len(self._unsent) <= self.limits.max_unwritten_bytes
        stdin = self._process.stdin
        if stdin.transport.get_write_buffer_size() > self.limits.max_unwritten_bytes:
            return False
        stdin.write(data)
        return True

    def forget(self, number: int) -> None:
        """A stream ended before its RESULT: the child can drop it."""
        if self._streams.pop(number, None) is not None:
            self.write(encode(Kind.CANCEL, number))

    def check(self, now: float) -> None:
        """Called at every heartbeat: send a ping, and kill the child if it has not responded for too long."""
        if self.state is HostState.STARTING and now - self._started_at > self.limits.start_s:
            self._kill_hung(f"it was not ready after {self.limits.start_s:g} s")
        elif self.state is not HostState.READY:
            return
        elif self._asked_at is None:
            self._asked_at = now
            self.write(encode(Kind.PING, 0))
        elif now - self._asked_at > self.limits.hung_s:
            self._kill_hung(f"it did not answer for {self.limits.hung_s:g} s")

    def reset_deadline(self, now: float) -> None:
        """This process was itself stalled until `now`: the child's response may be waiting to be read."""
        if self._asked_at is not None:
            self._asked_at = now

    async def close(self) -> None:
        """End the child: first politely, then by force. Its streams fail."""
        self._lose(EngineError(self.name, "working", "it was closed"))
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await asyncio.wait((self._task,), timeout=self.limits.close_s)
            self._kill()
        await self._task

    def dump(self) -> dict[str, object]:
        """Its state."""
        return {
            "pid": self.pid,
            "state": str(self.state),
            "age_s": round(self.age_s, 3),
            "streams": self.load,
            "unprocessed_bytes": sum(stream.unprocessed_bytes for stream in self._streams.values()),
            "stderr": self._stderr.decode(errors="replace"),
        }

    async def _live(self) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "offhook.pipeline.engine_host.main",
                self._target,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=_environment(),
            )
        except OSError as error:
            self._lose(EngineError(self.name, "starting a worker", str(error)))
            return
        self._process = process
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        if self.state is HostState.GONE:  # closed in the meantime
            self._kill()
        else:
            process.stdin.write(bytes(self._unsent))
            self._unsent.clear()
        listening = self._loop.create_task(self._collect_stderr(process.stderr))
        why = await self._read(process.stdout)
        if why:
            self._kill()
        await listening
        status = await process.wait()
        last_words = self._stderr.decode(errors="replace").strip().rpartition("\n")[2]
        why = why or (f"it was ended by signal {-status}" if status < 0 else f"it exited with status {status}")
        self._lose(EngineError(self.name, "working", f"{why}: {last_words}" if last_words else why))

    async def _read(self, stdout: asyncio.StreamReader) -> str:
        reader = MessageReader()
        while data := await stdout.read(READ_BYTES):
            reader.push(data)
            try:
                for kind, number, payload in reader.messages():
                    self._take(kind, number, payload)
            except ProtocolError as error:
                return f"it does not keep to the protocol: {error}"
        return ""

    async def _collect_stderr(self, stderr: asyncio.StreamReader) -> None:
        while data := await stderr.read(READ_BYTES):
            self._stderr += data
            del self._stderr[: -self.limits.max_stderr_bytes]

    def _take(self, kind: Kind, number: int, payload: bytes) -> None:
        stream = self._streams.get(number)
        if kind is Kind.PONG:
            self._asked_at = None
        elif kind is Kind.READY:
            if self.state is HostState.STARTING:
                self.state = HostState.READY
                self._settled.set()
                self._on_change(self)
        elif kind is Kind.FAILED:
            error = _failure(self.name, decode_json(payload))
            if number == 0:
                self._lose(error)
            elif stream is not None:
                del self._streams[number]
                stream.fail(error)
        elif stream is not None:  # it may have been cancelled
            if kind is Kind.RESULT:
                del self._streams[number]
            stream.deliver(kind, payload)

    def _kill_hung(self, why: str) -> None:
        self.counters.timeouts += 1
        self._kill()
        self._lose(EngineTimeout(self.name, "working", why))

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    def _lose(self, error: EngineError) -> None:
        if self.state is HostState.GONE:
            return
        self.state = HostState.GONE
        self.error = error
        self._settled.set()
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.fail(error)
        self._on_change(self)


def _environment() -> dict[str, str]:
    # A child has one thread: more workers are the way to use more cores. It finds the modules that this process finds,
    # those beside a script or a configuration file included.
    here = str(Path(__file__).absolute().parents[3])  # the folder of `offhook`, not resolved through the link
    path = os.pathsep.join(dict.fromkeys((here, *(os.path.abspath(each) for each in sys.path))))
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **single, "PYTHONPATH": path}


def _failure(name: str, values: Mapping[str, Any]) -> EngineError:
    return EngineError(name, *(str(values.get(key, "")) for key in ("what", "why", "hint")))

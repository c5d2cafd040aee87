"""The programs that call the bot and are called: SIPp, baresip, sipsak; and a socket that listens to RTP."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"
SCENARIOS = Path(__file__).parent / "scenarios"


def program(name: str) -> str:
    """The path of a peer; without it the test fails: `make test` installs it."""
    path = shutil.which(name)
    assert path is not None, f"{name} is not installed; type: make peers"
    return path


def free_udp_ports(count: int = 1, *, low: int = 40_000) -> int:
    """The first of `count` UDP ports in a row that nobody has now; even, as RTP wants it."""
    for first in range(low + (os.getpid() * 64 + _taken()) % 15_000 // 2 * 2, 60_000, 2):
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
        try:
            for offset, one in enumerate(sockets):
                one.bind((HOST, first + offset))
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
        return first
    raise AssertionError("no free UDP ports")


_counter = [0]


def _taken() -> int:
    """Another start at each call: a program that was given a port may not have bound it yet."""
    _counter[0] += 8
    return _counter[0]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a SIPp run ended."""

    status: int
    errors: str
    messages: str

    def check(self) -> Self:
        assert self.status == 0, f"SIPp ended with {self.status}\n{self.errors}\n{self.messages[-4_000:]}"
        return self

    def sent(self, start: str) -> int:
        """How many messages with this first line SIPp has sent, repetitions included."""
        return self._count("message sent", start)

    def received(self, start: str) -> int:
        return self._count("message received", start)

    def _count(self, what: str, start: str) -> int:
        blocks = self.messages.split("-----------------------------------------------")
        return sum(what in block and f"\n{start}" in block for block in blocks)


class Sipp:
    """One SIPp that plays a scenario of ours once, from a port of its own."""

    def __init__(
        self,
        scenario: str,
        directory: Path,
        *options: str,
        target: str | None = None,
        timeout_s: int = 45,
        **keys: str | int,
    ) -> None:
        self.port = free_udp_ports()
        self._timeout_s = timeout_s
        name = f"{Path(scenario).stem}-{self.port}"
        self._errors = directory / f"{name}.errors"
        self._messages = directory / f"{name}.messages"
        media = free_udp_ports(8)
        keys = {"rtp_port": media} | keys
        command = [
            program("sipp"),
            *((target,) if target is not None else ()),
            *("-sf", str(shutil.copy(SCENARIOS / scenario, directory)), "-m", "1", "-l", "1", "-nostdin"),
            *("-i", HOST, "-p", str(self.port), "-mi", HOST, "-mp", str(media)),
            *("-timeout", f"{timeout_s}s", "-timeout_error", "-cp", str(free_udp_ports())),
            *("-trace_err", "-error_file", str(self._errors), "-trace_msg", "-message_file", str(self._messages)),
            *(part for key, value in keys.items() for part in ("-key", key, str(value))),
            *options,
        ]
        self._process = subprocess.Popen(
            command,
            cwd=directory,
            env={**os.environ, "TERM": "dumb"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait(self) -> Outcome:
        try:
            status = self._process.wait(self._timeout_s + 10)
        finally:
            self.close()
        return Outcome(status, _text(self._errors), _text(self._messages))

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def sipp(scenario: str, directory: Path, target: str, *options: str, timeout_s: int = 45, **keys: str | int) -> Outcome:
    """Play a scenario to its end."""
    with Sipp(scenario, directory, *options, target=target, timeout_s=timeout_s, **keys) as run:
        return run.wait()


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


class RtpSink:
    """A port that takes RTP and notes when each packet came and what it was; a thread does it.

    While `talking`, silence (PCMU) is sent back to wherever packets came from, or to `target`.
    """

    def __init__(self) -> None:
        self.port = free_udp_ports(2)
        self.arrivals: list[tuple[float, int]] = []
        self.sources: set[int] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, self.port))
        self._socket.settimeout(0.1)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                data, source = self._socket.recvfrom(4_096)
            except TimeoutError:
                continue
            if len(data) > 12 and data[0] >> 6 == 2:
                self.arrivals.append((time.monotonic(), data[1] & 0x7F))
                self.sources.add(source[1])

    def gaps_s(self) -> list[float]:
        times = [at for at, _ in self.arrivals]
        return [later - earlier for earlier, later in zip(times, times[1:], strict=False)]

    def payload_types(self) -> list[int]:
        """In the order of their first packet, once each."""
        return list(dict.fromkeys(payload_type for _, payload_type in self.arrivals))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()


def interrupt(process: "subprocess.Popen[str]", times: int = 1, apart_s: float = 0.3) -> None:
    """Ctrl-C."""
    for number in range(times):
        if number:
            time.sleep(apart_s)
        process.send_signal(signal.SIGINT)

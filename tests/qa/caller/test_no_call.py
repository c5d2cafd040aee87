"""Calls that do not come to be: refused, or to somewhere where nobody is."""

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from offhook.qa.one_call import RunSettings
from offhook.qa.result import Result
from offhook.qa.run import Speakers, prepare, run_script
from offhook.qa.script.reading import parse_script
from offhook.settings.config import Config

COPIED = re.compile(rb"(?mi)^(?:Via|From|To|Call-ID|CSeq):.*\r\n")


class Refuses:
    """Answers INVITE with a status; without one it says nothing, as nobody does. It counts what came."""

    def __init__(self, status: int | None = None) -> None:
        self.invites = 0
        self._status = status
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                data, source = self._socket.recvfrom(4_096)
            except TimeoutError:
                continue
            if data.startswith(b"INVITE "):
                self.invites += 1
                if self._status is not None:
                    head = b"".join(COPIED.findall(data))
                    head = re.sub(rb"(?mi)^(To:.*)\r\n", rb"\1;tag=refused\r\n", head)
                    self._socket.sendto(b"SIP/2.0 %d No\r\n%sContent-Length: 0\r\n\r\n" % (self._status, head), source)


@pytest.fixture
def busy() -> Iterator[Refuses]:
    far_end = Refuses(486)
    yield far_end
    far_end.close()


@pytest.fixture
def silent() -> Iterator[Refuses]:
    far_end = Refuses()
    yield far_end
    far_end.close()


def result_of(text: str, target: str) -> Result:
    async def call() -> Result:
        script = parse_script(text.encode(), "call.yaml")
        async with AsyncExitStack() as stack:
            prepared = await prepare(script, Speakers(Config(), stack), None)
        return await run_script(script, prepared, RunSettings(target))

    return asyncio.run(call())


def test_a_call_that_is_to_be_refused_passes(busy: Refuses) -> None:
    script = "steps: [hang_up]\nexpect: {status: 486, sip: [{message: 486}]}\n"
    result = result_of(script, busy.address)
    assert result.passed, result.text()
    assert busy.invites


def test_a_call_that_is_refused_otherwise_fails(busy: Refuses) -> None:
    (finding,) = result_of("steps: [hang_up]\nexpect: {status: 480}\n", busy.address).findings
    assert (finding.kind, finding.what) == ("status", "the call was not refused with 480")
    assert "486" in finding.why
    (finding,) = result_of("steps: [hang_up]\n", busy.address).findings
    assert finding.kind == "not_answered" and "486" in finding.why


def test_nobody_there_is_told_from_a_refusal_with_the_address(silent: Refuses) -> None:
    (finding,) = result_of("call: {ring_s: 1}\nsteps: [hang_up]\n", silent.address).findings
    assert finding.kind == "not_answered"
    assert f"nothing came back at all from {silent.address}" in finding.why and "look at" in finding.why


def test_the_target_of_the_command_line_goes_before_that_of_the_script(busy: Refuses, silent: Refuses) -> None:
    script = f'call: {{target: "{silent.address}"}}\nsteps: [hang_up]\nexpect: {{status: 486}}\n'
    assert result_of(script, busy.address).passed
    assert busy.invites and not silent.invites


def test_without_one_that_of_the_script_is_called(busy: Refuses) -> None:
    script = f'call: {{target: "{busy.address}"}}\nsteps: [hang_up]\nexpect: {{status: 486}}\n'
    assert result_of(script, "").passed

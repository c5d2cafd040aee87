"""A log that nobody reads does not block."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from time import monotonic
from typing import TextIO

import pytest

from offhook.observe.log_stream import MAX_WAITING_BYTES, LogStream, log_stream

LINE = "x" * 199 + "\n"


@pytest.fixture(params=["pipe", "socket"])
def unread(request: pytest.FixtureRequest) -> Iterator[tuple[TextIO, int]]:
    """(what is written to, the descriptor to read from)."""
    if request.param == "pipe":
        reading, writing = os.pipe()
        stream = os.fdopen(writing, "w")
    else:
        ours, theirs = socket.socketpair()
        reading, stream = ours.detach(), os.fdopen(theirs.detach(), "w")
    yield stream, reading
    stream.close()
    os.close(reading)


def test_a_log_that_nobody_reads_drops_lines_and_says_how_many(unread: tuple[TextIO, int]) -> None:
    stream, reading = unread
    log = LogStream(stream)
    lines = 20_000
    began = monotonic()
    for _ in range(lines):
        log.write(LINE)
    assert monotonic() - began < 5, "a write that blocks would never return"
    read = bytearray()

    def take() -> None:
        while data := os.read(reading, 65_536):
            read.extend(data)

    reader = threading.Thread(target=take)
    reader.start()
    for _ in range(2_000):
        log.flush()
        if b"were dropped" in read:
            break
        threading.Event().wait(0.005)
    log.write("the end\n")
    log.close()
    stream.close()
    reader.join(10)
    *kept, dropped, end = read.decode().splitlines()
    assert end == "the end"
    assert set(kept) == {LINE[:-1]}, "lines are whole"
    assert int(dropped.split()[0]) == lines - len(kept)
    assert len(kept) * len(LINE) >= MAX_WAITING_BYTES - len(LINE)


def test_what_is_shared_with_other_programs_still_blocks_for_them(unread: tuple[TextIO, int]) -> None:
    stream, _ = unread
    before = os.get_blocking(stream.fileno())
    log = LogStream(stream)
    log.write(LINE)
    assert os.get_blocking(stream.fileno()) is before is True
    log.close()
    log.close()
    assert not stream.closed


def test_a_reader_that_has_gone_is_no_error() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        log = LogStream(stream)
        os.close(reading)
        for _ in range(3):
            log.write(LINE)
        log.close()


def test_a_file_gets_everything(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        log = LogStream(stream)
        for number in range(5_000):
            log.write(f"{number} ü \ud800\n")
        log.close()
    assert len((tmp_path / "log").read_bytes().splitlines()) == 5_000


def test_what_has_no_descriptor_is_written_to_as_it_is() -> None:
    stream = StringIO()
    assert log_stream(stream) is stream


def test_a_program_whose_log_is_not_read_comes_to_its_end() -> None:
    program = (
        "from offhook.observe import log\nlog.setup('json', 'info')\n"
        "for n in range(5_000): log.get_logger('x').info('still there', n=n)\nprint('done')"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        guard = threading.Timer(30, process.kill)
        guard.start()
        assert process.stdout.read() == b"done\n"
        guard.cancel()

"""Linphone's command line as a telephone: its microphone is a file, its loudspeaker another one."""

import os
import re
import subprocess
import time
import wave
from pathlib import Path
from typing import Self

import numpy as np

from tests.e2e.peers import HOST, free_udp_ports, program

LIMIT_S = 20.0
LOUD = 500
MEDIA_PORTS = 16

CONFIG = """\
[sip]
bind_address={host}
sip_port={port}
sip_tcp_port={port}
sip_tls_port={tls_port}
contact="qa" <sip:qa@{host}>
root_ca={authority}
media_encryption={encryption}
use_ipv6=0
ipv6_migration_done=1
register_only_when_network_is_up=0

[rtp]
bind_address={host}
audio_rtp_port={media}-{media_end}

[sound]
echocancellation=0

[video]
automatically_initiate=0
automatically_accept=0
"""


class Linphone:
    """One that listens on `host` for UDP and TCP, and asks for SRTP with `encryption="srtp"`. It says what is in the
    file `said`, from the beginning of a call, and then nothing; with `answers` it takes every call. Over TLS it trusts
    the `authority`, and wants a certificate for a name: it knows none for an address."""

    def __init__(
        self,
        directory: Path,
        said: str,
        port: int | None = None,
        *,
        host: str = HOST,
        encryption: str = "none",
        authority: Path | None = None,
        answers: bool = False,
    ) -> None:
        self.port = port or free_udp_ports(2)
        self.address = f"{host}:{self.port}"
        self._folder = directory / f"linphone-{self.port}"
        self._heard = self._folder / "heard.wav"
        # Without a folder for its databases it listens nowhere.
        (self._folder / ".local" / "share" / "linphone").mkdir(parents=True)
        media = free_udp_ports(MEDIA_PORTS)
        config = self._folder / "linphonerc"
        config.write_text(
            CONFIG.format(
                host=host,
                port=self.port,
                tls_port=free_udp_ports(),
                authority=authority or "",
                encryption=encryption,
                media=media,
                media_end=media + MEDIA_PORTS - 1,
            )
        )
        self._read = 0
        self._output = (self._folder / "output.txt").open("w+")
        command = [program("linphonec"), "-c", str(config), "-d", "6", "-l", str(self._folder / "linphone.log")]
        self._process = subprocess.Popen(
            [*command, "-a"] if answers else command,
            env={**os.environ, "HOME": str(self._folder)},
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=self._output,
            text=True,
            bufsize=1,
        )
        self.types("soundcard use files")
        self.types(f"play {said}")
        self.types(f"record {self._heard}")
        self.until("record .*")

    def types(self, line: str) -> None:
        """A command, see its `help`."""
        assert self._process.stdin is not None
        self._read = len(self.printed())
        self._process.stdin.write(line + "\n")

    def until(self, pattern: str) -> None:
        """Wait for a line, given from its beginning, behind the last command."""
        deadline = time.monotonic() + LIMIT_S
        while re.search(rf"^(?:linphonec> )?{pattern}", self.printed()[self._read :], re.MULTILINE) is None:
            assert time.monotonic() < deadline, f"no {pattern!r} within {LIMIT_S} s in:\n{self.printed()}"
            assert self._process.poll() is None, self.printed()
            time.sleep(0.05)

    def calls(self, uri: str) -> None:
        """Call, until media goes both ways."""
        self.types(f"call {uri}")
        self.until(f"Media streams established with .*{re.escape(uri.partition(';')[0])}")

    def hangs_up(self) -> None:
        self.types("terminate")
        self.until(r"Call 1 with .* ended")

    def printed(self) -> str:
        self._output.flush()
        return Path(self._output.name).read_text(errors="replace")

    def log(self) -> str:
        """With every SIP message."""
        return (self._folder / "linphone.log").read_text(errors="replace")

    def loud_s(self) -> float:
        """For how long there was something to hear."""
        with wave.open(str(self._heard)) as file:
            frame, pcm = file.getframerate() // 50, np.frombuffer(file.readframes(file.getnframes()), "<i2")
        levels = np.abs(pcm[: len(pcm) // frame * frame].astype(int)).reshape(-1, frame).max(axis=1)
        return float(np.sum(levels > LOUD)) * 0.02

    def close(self) -> None:
        if self._process.poll() is None:
            self.types("quit")
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._output.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

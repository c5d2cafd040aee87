"""A server that is a program of its own, from its start until it is closed."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

START_S, STOP_S = 20.0, 10.0


class Daemon:
    """`launch` it; what it writes is in `log`."""

    def launch(self, directory: Path, command: Sequence[str], is_there: Callable[[], bool]) -> None:
        """Start it in that directory, and wait until it is there."""
        self._is_frozen = False
        self._log = (directory / f"{Path(command[0]).name}.log").open("w+")
        self._process = subprocess.Popen(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_S
        while not is_there():
            assert time.monotonic() < deadline, self.log()
            assert self._process.poll() is None, self.log()

    def log(self) -> str:
        self._log.flush()
        return Path(self._log.name).read_text(errors="replace")

    def freeze(self) -> None:
        """Have it answer nothing more, though it is there: it and its processes stand still."""
        os.killpg(self._process.pid, signal.SIGSTOP)
        self._is_frozen = True

    def close(self) -> None:
        if self._process.poll() is None:
            if self._is_frozen:
                os.killpg(self._process.pid, signal.SIGKILL)  # once awake it would do what has piled up
            else:
                self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

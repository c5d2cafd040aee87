"""A server that is a program of its own, from its start until it is closed."""

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
        self._log = (directory / f"{Path(command[0]).name}.log").open("w+")
        self._process = subprocess.Popen(
            command, cwd=directory, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        deadline = time.monotonic() + START_S
        while not is_there():
            assert time.monotonic() < deadline, self.log()
            assert self._process.poll() is None, self.log()

    def log(self) -> str:
        self._log.flush()
        return Path(self._log.name).read_text(errors="replace")

    def close(self) -> None:
        if self._process.poll() is None:
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

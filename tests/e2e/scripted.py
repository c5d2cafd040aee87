"""Telephones of other projects' libraries, each in a process of its own that plays a script and prints what happens."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from tests.e2e.peers import free_udp_ports


class ScriptedPhone:
    """A telephone of `module` (tests/e2e/pjsua.py, tests/e2e/baresip_phone.py, which say what a script has)."""

    def __init__(self, module: str, directory: Path, port: int | None = None, **script: object) -> None:
        self.port = port or free_udp_ports(2)
        file = directory / f"{module}-{self.port}.json"
        file.write_text(json.dumps({"port": self.port, **script}))
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"tests.e2e.{module}", str(file)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if "answer" in script:
            assert self._process.stdout is not None
            while "ready" not in (line := self._process.stdout.readline()):
                assert line, f"{module} did not start"

    def events(self) -> list[dict[str, Any]]:
        """All that happened, when it is over."""
        text, _ = self._process.communicate(timeout=60)
        assert self._process.returncode == 0, text
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def states(events: list[dict[str, Any]]) -> list[str]:
    """Those that the call has passed through."""
    return [str(each["state"]) for each in events if each["event"] == "state"]

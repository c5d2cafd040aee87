"""`python -m offhook.testing.vendors` prints an environment that a bot's engines can use."""

import asyncio
import re
import signal
import subprocess
import sys

from offhook.cli.checks import engines
from offhook.cli.checks.finding import Level
from offhook.settings.config import Config


def test_the_environment_that_is_printed() -> None:
    command = [sys.executable, "-m", "offhook.testing.vendors", "deepgram", "--text", "yes"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        lines = [server.stdout.readline() for _ in range(5)]
        found = dict(re.findall(r"export (\w+)=(.*)\n", "".join(lines)))
        key = found["DEEPGRAM_API_KEY"]
        sections = {
            kind: {
                "engine": found[f"OFFHOOK_{kind.upper()}__ENGINE"],
                "deepgram": {"api_key": key, "base_url": found[f"OFFHOOK_{kind.upper()}__DEEPGRAM__BASE_URL"]},
            }
            for kind in ("asr", "tts")
        }
        config = Config.model_validate({**sections, "vad": {"engine": "energy"}})
        (finding,) = asyncio.run(engines.check(config))
        assert finding.level is Level.OK
        server.send_signal(signal.SIGINT)
        assert server.wait(10) == 0

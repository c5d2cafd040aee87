"""`python -m offhook.testing.vendors` prints an environment that a bot's engines can use."""

import asyncio
import re
import signal
import subprocess
import sys

from offhook.agents.agent_file import parse_agent
from offhook.cli.checks import engines
from offhook.cli.checks.finding import Level
from offhook.realtime.agent import speech_agent
from offhook.settings.config import Config
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.vendors.__main__ import VENDORS
from offhook.testing.vendors.amazon import AmazonServer


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
        try:
            assert server.wait(10) == 0
        finally:
            server.kill()  # or what fails would wait for it


def test_the_agents_file_that_is_printed() -> None:
    command = [sys.executable, "-m", "offhook.testing.vendors", "openai-realtime", "--reply", "Hello."]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        key, *lines = [server.stdout.readline() for _ in range(6)]
        file = parse_agent("".join(lines).encode(), "agent.yaml", {})
        variable, _, value = key.removeprefix("export ").strip().partition("=")
        talks = speech_agent({**file.options, "api_key": value})

        async def call() -> None:
            async with SimulatedCall(talks) as caller:
                await caller.hears("Hello.")

        assert variable == "OPENAI_API_KEY"
        asyncio.run(call())
        server.send_signal(signal.SIGINT)
        try:
            assert server.wait(10) == 0
        finally:
            server.kill()  # or what fails would wait for it


def test_where_a_vendor_has_more_than_one_address() -> None:
    amazon, openai = VENDORS["amazon"], VENDORS["openai"]
    assert amazon.addresses("ASR") == [("ENDPOINT_URL", "url")]
    assert amazon.addresses("TTS") == [("ENDPOINT_URL", "http_url")]
    assert openai.addresses("ASR") == [("BASE_URL", "http_url"), ("REALTIME_URL", "url")]
    assert openai.addresses("TTS") == [("BASE_URL", "http_url")]
    server = AmazonServer()
    assert {variable: getattr(server, attribute) for variable, attribute in amazon.more} == {
        "AWS_ACCESS_KEY_ID": server.access_key_id,
        "AWS_REGION": server.region,
    }

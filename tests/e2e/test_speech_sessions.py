"""Sessions of speech-to-speech models that are lost or expire in a call: the next one goes on where they were."""

import asyncio
from pathlib import Path

import pytest

from offhook.testing.vendors.openai_live import OpenAiLiveServer
from tests.e2e.speech_calls import GEMINI, LIVE, REALTIME, Vendor, conversation


@pytest.mark.parametrize(
    ("vendor", "way", "fault"),
    [
        (REALTIME, "PCMU", "lost"),
        (LIVE, "stream", "lost"),
        (GEMINI, "stream", "lost"),
        (REALTIME, "PCMU", "expired"),
        (LIVE, "stream", "expired"),
        (GEMINI, "stream", "expired"),
    ],
    ids=str,
)
async def test_a_session_that_ends_goes_on_in_the_next(vendor: Vendor, way: str, fault: str, tmp_path: Path) -> None:
    # Its last word says that a reply was heard: of a pause between words, OpenAI Live's may be shortened.
    server = vendor.server(["first", "second"], replies=["Hello there.", "That was one.", "That was two."])
    async with server, conversation(tmp_path, vendor, server, way) as (_, phone):
        await phone.hears("there.")
        await phone.says()
        await phone.hears("one.")
        await phone.hears_the_end()
        sessions = len(server.sessions)
        if fault == "lost":
            server.reset()
        else:
            server.fault = "session-expired"
        speaking = asyncio.ensure_future(phone.says())
        while len(server.sessions) == sessions:  # noqa: ASYNC110
            await asyncio.sleep(0)  # the next session must not end as well
        server.fault = None
        await speaking
        await phone.hears("two.")
        if isinstance(server, OpenAiLiveServer):
            said = [part["text"] for line in server.configured[-1]["input"] for part in line["content"]]
        else:
            said = [entry.text for entry in server.conversations[-1]]
        assert {"Hello there.", "That was one."} <= set(said)
    assert server.violations == []

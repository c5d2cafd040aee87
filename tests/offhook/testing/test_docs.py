"""What docs/agents.md and docs/testing.md show does run."""

import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from offhook import Bot
from offhook.pipeline.events import TurnSoFar
from offhook.telephony.codec import PCMU
from offhook.testing import SimulatedCall, run
from offhook.testing.vendors.tone_speech import speak
from tests.docs import pages

DOCS = Path(__file__).parents[3] / "docs"


def blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)


class Model:
    async def reply(self, text: str) -> AsyncIterator[str]:
        yield f"You said {text}, "
        yield "and I agree."


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    taken: list[object] = []
    found: dict[str, Any] = {"model": Model()}
    others = ("playback = await", "bot.run()", "@tool(")
    first, *rest = [block for block in blocks("agents.md") if not any(each in block for each in others)]
    exec(first, found)
    found["bot"] = SimpleNamespace(answer=taken.append)
    for block in rest:
        exec(block, found)
    found["taken"] = taken
    return found


def test_the_language_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setattr(Bot, "run", lambda self: 0)
    for part in ("bot.run()", "@tool("):
        found: dict[str, Any] = {}
        exec(next(block for block in blocks("agents.md") if part in block), found)
        assert ("bot" in found) == (part == "bot.run()")


def test_the_order(names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    mybot = ModuleType("mybot")
    mybot.order = names["order"]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mybot", mybot)
    block, *_ = blocks("testing.md")
    tests: dict[str, Any] = {}
    exec(block, tests)
    tests["test_an_order"]()


def test_the_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop.yaml").write_text(pages.blocks(pages.ROOT / "README.md", "yaml")[0])
    tests: dict[str, Any] = {}
    exec(next(block for block in blocks("testing.md") if "shop.yaml" in block), tests)
    tests["test_the_hours"]()


async def test_the_hosted_engine() -> None:
    found: dict[str, Any] = {}
    exec(next(block for block in blocks("testing.md") if "DeepgramServer" in block), found)
    audio = PCMU.encode(speak("check my balance", 8_000) + bytes(8_000))
    assert await found["recognise"](audio) == "check my balance"


def test_the_assistant(names: dict[str, Any]) -> None:
    async def conversation() -> str:
        async with SimulatedCall(names["taken"][0]) as caller:
            await caller.hears("How can I help?")
            await caller.says("the sky is blue")
            await caller.hears("You said the sky is blue, and I agree.")
            await caller.says("goodbye")
            await caller.over.wait()
            return caller.transcript[-1].text

    assert run(conversation()) == "goodbye"


def test_two_languages(names: dict[str, Any]) -> None:
    async def conversation() -> tuple[list[str], list[str | None]]:
        async with SimulatedCall(names["two_languages"]) as caller:
            await caller.hears("Deutsch, oder English?")
            await caller.says("deutsch")
            await caller.hears("…")
            return caller.voice.asked_in, [request.language for request in caller.asr.requests]

    assert run(conversation()) == (["", "de", "de", "de"], ["de"])


def test_the_policy(names: dict[str, Any]) -> None:
    policy = names["policy"](None)
    assert policy.decide(TurnSoFar(None, "Is it open?", 300, 900), 0.0).kind == "over"
    assert policy.decide(TurnSoFar(None, "Is it", 300, 900), 0.0).kind == "wait"

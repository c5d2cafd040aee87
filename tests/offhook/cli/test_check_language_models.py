"""`offhook check` asks the models of agents' files."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from offhook.cli.checks import language_models
from offhook.cli.checks.finding import Finding, Level
from offhook.settings.config import Config
from offhook.testing.models import ModelServer
from offhook.testing.vendors.gemini_live import GeminiLiveServer
from offhook.testing.vendors.openai_live import OpenAiLiveServer
from offhook.testing.vendors.openai_realtime import OpenAiRealtimeServer


@pytest.fixture
def agent_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MY_KEY", "test-key")
    return tmp_path / "agent.yaml"


def config_of(path: Path, text: str, **more: Any) -> Config:
    path.write_text(f"instructions: x\n{text}")
    return Config.model_validate({"routes": [{"number": "1", "agent_file": path}], **more})


async def found_in(path: Path, text: str, **more: Any) -> Finding:
    return (await language_models.check(config_of(path, text, **more)))[-1]


async def test_right_and_wrong_ones(agent_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with ModelServer(strict_models=True) as server:
        openai = f"base_url: {server.openai_url}\napi_key: ${{MY_KEY}}\n"
        finding = await found_in(agent_file, f"model: scripted\n{openai}")
        assert (finding.level, finding.problem.what) == (Level.OK, f"{agent_file}: openai/scripted answers")
        finding = await found_in(agent_file, f"model: scripde\n{openai}")
        assert (finding.level, finding.problem.why) == (Level.WARNING, "the server lists scripted")
        for provider in ("anthropic", "gemini"):
            here = f"provider: {provider}\nbase_url: {server.url}\napi_key: ${{MY_KEY}}\n"
            finding = await found_in(agent_file, f"model: scripde\n{here}")
            assert finding.level is Level.SETTINGS
            assert f"{agent_file}: the language model {provider}/scripde cannot be used" in finding.problem.what
            assert "404" in finding.problem.why
        monkeypatch.setenv("MY_KEY", "wrong-key")
        finding = await found_in(agent_file, f"model: scripted\n{openai}")
        assert finding.level is Level.SETTINGS
        assert "refused the key" in finding.problem.why
        assert finding.problem.todo == "another key, model or address"
        assert "wrong-key" not in finding.render()


async def test_a_limit_on_cost_without_prices(agent_file: Path) -> None:
    async with ModelServer(api_key=None) as server:
        llm = {"openai": {"model": "scripted", "base_url": server.openai_url}}
        finding = await found_in(agent_file, "limits: {max_cost: 0.5}\n", llm=llm)
        assert (finding.level, finding.problem.why) == (Level.SETTINGS, "the model has no prices")
        finding = await found_in(
            agent_file, "limits: {max_cost: 0.5}\n", llm={"openai": llm["openai"] | {"price_output": 2}}
        )
        assert finding.level is Level.OK


async def test_one_that_is_away_may_come_back(agent_file: Path) -> None:
    finding = await found_in(agent_file, "model: m\nbase_url: http://127.0.0.1:9/v1\n")
    assert finding.level is Level.WARNING
    assert finding.problem.what == f"{agent_file}: openai/m is away"
    assert "cannot be reached" in finding.problem.why


async def test_one_that_hangs_does_not_hold_up_the_check(agent_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_models, "WITHIN_S", 0.3)

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    over = asyncio.Event()
    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finding = await found_in(agent_file, f"model: m\nbase_url: {url}\n")
    assert (finding.level, finding.problem.why) == (Level.WARNING, "it did not answer within 0.3 s")
    over.set()
    server.close()


async def test_those_of_a_flows_steps_are_asked_and_each_file_once(agent_file: Path, tmp_path: Path) -> None:
    step = f"agent: x, with: {agent_file}, outcomes: {{done: {{next: c}}}}, otherwise: c"
    (tmp_path / "flow.yaml").write_text(f"name: f\nstart: a\nsteps: {{a: {{{step}}}, c: {{hang_up: Bye.}}}}\n")
    async with ModelServer() as server:
        here = f"model: scripted\nbase_url: {server.openai_url}\napi_key: ${{MY_KEY}}\n"
        finding = await found_in(agent_file, here, dialog={"flow": tmp_path / "flow.yaml"})
        assert finding.level is Level.OK


SPEECH = {"openai-realtime": OpenAiRealtimeServer, "openai-live": OpenAiLiveServer, "gemini-live": GeminiLiveServer}


@pytest.mark.parametrize("provider", SPEECH)
async def test_a_session_of_a_speech_to_speech_model_is_opened(
    provider: str, agent_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with SPEECH[provider]() as server:
        url = server.url if provider == "gemini-live" else f"{server.url}/v1"
        text = f"kind: speech\nprovider: {provider}\nbase_url: {url}\napi_key: ${{MY_KEY}}\n"
        monkeypatch.setenv("MY_KEY", server.api_key)
        finding = await found_in(agent_file, text)
        assert finding.level is Level.OK, finding.render()
        assert finding.problem.what.startswith(f"{agent_file}: {provider}/")
        monkeypatch.setenv("MY_KEY", "wrong-key")
        finding = await found_in(agent_file, text)
        assert finding.level is Level.SETTINGS, finding.render()
        assert "refused the key" in finding.problem.why
    finding = await found_in(agent_file, text)
    assert finding.level is Level.WARNING

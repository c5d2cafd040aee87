"""`offhook check` finds a wrong key, and a bot with one does not start."""

import pytest

from offhook.cli.checks import engines
from offhook.cli.checks.finding import Level
from offhook.engines.engine_set import EngineSet
from offhook.settings.config import Config
from offhook.testing.vendors.deepgram import DeepgramServer
from offhook.usererror import UserError
from offhook.vendors.errors import VendorRefusedError


def config_of(server: DeepgramServer, **options: object) -> Config:
    own = {"base_url": server.url, "api_key": server.api_key, **options}
    sections = {"asr": {"engine": "deepgram", "deepgram": own}, "tts": {"engine": "deepgram", "deepgram": own}}
    return Config.model_validate({**sections, "vad": {"engine": "energy"}})


async def test_a_right_key() -> None:
    async with DeepgramServer() as server:
        (finding,) = await engines.check(config_of(server))
        assert finding.level is Level.OK
        assert "deepgram, deepgram started" in finding.render()


async def test_a_wrong_key() -> None:
    async with DeepgramServer() as server:
        (finding,) = await engines.check(config_of(server, api_key="wrong"))
        assert finding.level is not Level.OK
        text = finding.render()
        assert "Deepgram refused the key (401" in text
        assert "export DEEPGRAM_API_KEY=" in text
        with pytest.raises(VendorRefusedError):
            await EngineSet(config_of(server, api_key="wrong")).start()


async def test_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEEPGRAM_API_KEY", raising=False)
    config = Config.model_validate({"asr": {"engine": "deepgram"}, "tts": {"engine": "recorded"}})
    with pytest.raises(UserError, match="export DEEPGRAM_API_KEY="):
        EngineSet(config)
    monkeypatch.setenv("DEEPGRAM_API_KEY", "secret-key")
    assert "secret-key" not in str(EngineSet(config).asr)


async def test_the_key_is_never_shown() -> None:
    async with DeepgramServer() as server:
        config = config_of(server)
        assert "test-key" not in repr(config)
        engine_set = EngineSet(config)
        await engine_set.start()
        dumped = repr([getattr(each, "dump", dict)() for each in (engine_set.asr, engine_set.tts)])
        assert "test-key" not in dumped
        await engine_set.close()

"""`offhook check` finds a wrong key, and a bot with one does not start."""

import asyncio
import re
from contextlib import AsyncExitStack
from typing import Literal

import pytest

from offhook.cli.checks import engines
from offhook.cli.checks.finding import Level
from offhook.engines.engine_set import EngineSet, innermost
from offhook.settings.config import Config
from offhook.testing.vendors.amazon import AmazonServer
from offhook.testing.vendors.deepgram import DeepgramServer
from offhook.usererror import UserError
from offhook.vendors import deepgram_asr, deepgram_tts
from offhook.vendors.errors import VendorRefusedError
from tests.vendors.hosted import AMAZON, GOOGLE, GOOGLE_VOICE, POOLED, VOICES, Vendor

NOVA = Vendor("deepgram", DeepgramServer, deepgram_asr.make)
AURA = Vendor("deepgram", DeepgramServer, deepgram_tts.make)
ALL = [NOVA, *POOLED, AMAZON, GOOGLE, AURA, *VOICES]


def config_of(server: DeepgramServer, **options: object) -> Config:
    own = {"base_url": server.url, "api_key": server.api_key, **options}
    sections = {"asr": {"engine": "deepgram", "deepgram": own}, "tts": {"engine": "deepgram", "deepgram": own}}
    return Config.model_validate({**sections, "vad": {"engine": "energy"}})


def dumped(engine_set: EngineSet) -> str:
    """What the engines show of themselves, alone and in their chains."""
    hosted = [innermost(member.engine) for member in engine_set.members]
    return repr([each.dump() for each in (engine_set.asr, engine_set.tts, *hosted) if hasattr(each, "dump")])


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


@pytest.mark.parametrize(
    "vendor", [*POOLED, *(each for each in VOICES if each.name not in ("amazon", "google"))], ids=repr
)
async def test_every_vendor(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is missing, right; and it is shown nowhere."""
    kind: Literal["asr", "tts"] = "tts" if vendor in VOICES else "asr"
    monkeypatch.delenv(vendor.key_variable, raising=False)
    other = {"tts": {"engine": "recorded"}} if kind == "asr" else {"asr": {"engine": "fixed"}}
    async with vendor.server() as server:
        own = {vendor.url_option: getattr(server, vendor.url), **vendor.options}

        def config(**options: object) -> Config:
            section = {"engine": vendor.name, vendor.name: {**own, **options}}
            return Config.model_validate({kind: section, **other, "vad": {"engine": "energy"}})

        with pytest.raises(UserError, match=f"export {vendor.key_variable}="):
            EngineSet(config())
        (finding,) = await engines.check(config(api_key=server.api_key))
        assert finding.level is Level.OK
        assert "test-key" not in dumped(EngineSet(config(api_key=server.api_key)))


@pytest.mark.parametrize("vendor", ALL, ids=repr)
async def test_a_wrong_key_of_every_vendor(vendor: Vendor) -> None:
    """`offhook check` says which variable has it, and a bot does not start."""
    kind: Literal["asr", "tts"] = "tts" if vendor in (*VOICES, AURA) else "asr"
    other = {"tts": {"engine": "recorded"}} if kind == "asr" else {"asr": {"engine": "fixed"}}
    async with vendor.server() as server:
        own = {vendor.url_option: getattr(server, vendor.url), **vendor.options, vendor.key_option: "wrong-key"}
        section = {"engine": vendor.name, vendor.name: own}
        config = Config.model_validate({kind: section, **other, "vad": {"engine": "energy"}})
        (finding,) = await engines.check(config)
        assert finding.level is not Level.OK
        assert "refused the key" in finding.render()
        assert vendor.key_variable in finding.render()
        assert "wrong-key" not in finding.render()
        with pytest.raises(VendorRefusedError, match="refused the key"):
            await EngineSet(config).start()


@pytest.mark.parametrize("vendor", ALL, ids=repr)
@pytest.mark.parametrize("place", ["mute", "silent", "nobody"])
async def test_a_vendor_that_does_not_answer(vendor: Vendor, place: str) -> None:
    """It takes some seconds at the most, keeps no bot from starting, and is told."""
    kind: Literal["asr", "tts"] = "tts" if vendor in (*VOICES, AURA) else "asr"
    other = {"tts": {"engine": "recorded"}} if kind == "asr" else {"asr": {"engine": "fixed"}}
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(vendor.server(fault="mute"))
        silent = await asyncio.start_server(_keep_quiet, "127.0.0.1", 0)
        stack.callback(silent.close)
        url = getattr(server, vendor.url)
        if place != "mute":
            port = silent.sockets[0].getsockname()[1] if place == "silent" else await _free_port()
            url = re.sub(r":\d+", f":{port}", url)
        own = {vendor.url_option: url, vendor.key_option: server.api_key, **vendor.options}
        section = {"engine": vendor.name, vendor.name: own}
        config = Config.model_validate({kind: section, **other, "vad": {"engine": "energy"}})
        began = asyncio.get_running_loop().time()
        started, *warnings = await engines.check(config)
        assert asyncio.get_running_loop().time() - began < 8.0
        assert started.level is Level.OK
        if place == "mute" and vendor.url == "url" and vendor is not GOOGLE_VOICE:
            assert warnings == []  # it accepts connections, and is not asked anything
        else:
            (warning,) = warnings
            assert warning.level is Level.WARNING
            assert warning.render().count("\n") == 2


async def _keep_quiet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.read()
    finally:
        writer.close()


async def _free_port() -> int:
    server = await asyncio.start_server(_keep_quiet, "127.0.0.1", 0)
    port = int(server.sockets[0].getsockname()[1])
    server.close()
    return port


async def test_amazon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its keys may be anywhere that Amazon's programs look, so that it is the start that finds there are none."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    async with AmazonServer() as server:

        def config(**keys: str) -> Config:
            asr = {"engine": "amazon", "amazon": {"region": "us-east-1", "endpoint_url": server.url, **keys}}
            tts = {"engine": "amazon", "amazon": {"region": "us-east-1", "endpoint_url": server.http_url, **keys}}
            return Config.model_validate({"asr": asr, "tts": tts, "vad": {"engine": "energy"}})

        for keys, why in (
            ({}, "there are none"),
            ({"access_key_id": "test-key-id", "secret_access_key": "wrong-key"}, "refused the key (403"),
        ):
            (finding,) = await engines.check(config(**keys))
            assert finding.level is not Level.OK
            assert why in finding.render()
            assert "AWS_SECRET_ACCESS_KEY" in finding.render()
            assert "wrong-key" not in finding.render()
        right = config(access_key_id="test-key-id", secret_access_key="test-key")
        (finding,) = await engines.check(right)
        assert finding.level is Level.OK
        assert "test-key'" not in repr(right)


async def test_the_key_is_never_shown() -> None:
    async with DeepgramServer() as server:
        config = config_of(server)
        assert "test-key" not in repr(config)
        engine_set = EngineSet(config)
        await engine_set.start()
        assert "'opened': " in dumped(engine_set)
        assert "test-key" not in dumped(engine_set)
        await engine_set.close()

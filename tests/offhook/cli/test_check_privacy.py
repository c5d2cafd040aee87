"""`offhook check` names what may leave the bot, or stay in it, that somebody does not want."""

from pathlib import Path

import pytest

from offhook.cli.checks import dialogs, privacy
from offhook.cli.checks.finding import Level
from offhook.settings.config import Config

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
FLOW = """
name: shop
start: ask
steps:
  ask:
    ask: May we record this? Press one.
    choices: {"yes": {key: 1, next: agreed}}
    no_input: {then: bye}
    no_match: {then: bye}
  agreed: {record_call: on, consent: CONSENT, next: bye}
  bye: {hang_up: Goodbye.}
"""


@pytest.mark.parametrize(
    ("hook", "found"),
    [
        ({"url": "https://crm.example.com", "secret": SECRET}, []),
        ({"url": "https://crm.example.com"}, ["are not signed"]),
        ({"url": "http://crm.example.com"}, ["are not signed", "in the clear"]),
        ({"url": "http://127.0.0.1:8000", "secret": SECRET, "allow_private": True}, []),
    ],
)
def test_events_that_anybody_may_forge_or_read(hook: dict[str, object], found: list[str]) -> None:
    warnings = list(privacy.check(Config.model_validate({"webhooks": {"crm": hook}})))
    assert {each.level for each in warnings} <= {Level.WARNING} and len(warnings) == len(found)
    assert all(words in each.problem.what for words, each in zip(found, warnings, strict=True))


@pytest.mark.parametrize("is_of_a_route", [False, True])
@pytest.mark.parametrize(
    ("consent", "records", "warns"),
    [
        ("given", {"record_audio": True}, True),
        ("given", {"capture": True}, True),
        ("given", {}, False),
        ("given", {"record_audio": True, "record_consent": True}, False),
        ("announced", {"record_audio": True}, False),
    ],
)
def test_a_flow_that_is_recorded_before_it_has_asked(
    tmp_path: Path, consent: str, records: dict[str, object], warns: bool, is_of_a_route: bool
) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(FLOW.replace("CONSENT", consent))
    engines = {"asr": {"engine": "fixed"}, "tts": {"engine": "recorded"}, "vad": {"engine": "energy"}}
    settings: dict[str, object] = {"records": {"dir": tmp_path, **records}, **engines}
    settings |= {"routes": [{"number": "100", "flow": path}]} if is_of_a_route else {"dialog": {"flow": path}}
    found = dialogs.check(Config.model_validate(settings))
    assert [each.area for each in found if each.level is not Level.OK] == (["consent"] if warns else [])


BANK = """
name: bank
start: who
flows:
  identify:
    start: pin
    steps:
      pin: {collect_secret: Please key your PIN., as: pin, into: pin, next: check, otherwise: failed, refused: failed}
      check: {request: "https://bank.example.com/", method: POST, secret: {pin: pin}, next: found, otherwise: failed}
      found: {return: found}
      failed: {return: failed}
steps:
  who: {call: identify, outcomes: {found: bye, failed: bye}}
  bye: {hang_up: Goodbye.}
"""


@pytest.mark.parametrize(("backend", "warns"), [("own", False), ("pjsua2", True)])
def test_a_secret_that_is_asked_of_nobody(tmp_path: Path, backend: str, warns: bool) -> None:
    path = tmp_path / "bank.yaml"
    path.write_text(BANK)
    settings = {"sip": {"backend": backend}, "dialog": {"flow": path}}
    secrets = [each for each in dialogs.check(Config.model_validate(settings)) if each.area == "secret"]
    assert [each.problem.what for each in secrets] == (
        ["step `pin` is refused over PJSIP: `failed` follows, with nothing asked"] if warns else []
    )

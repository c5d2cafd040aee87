"""The matcher that the settings name."""

import pytest

from offhook.engines.matcher import make_matcher
from offhook.settings.config import Config
from offhook.usererror import UserError

HERE = "tests.offhook.engines.test_matcher"


class Silent:
    async def match(self, text: str, choices: object, language: str) -> None:
        return None


def make(config: Config) -> Silent:
    assert config.dialog.matcher_timeout_s == 2.0
    return Silent()


def make_none(config: Config) -> None:
    return None


def configured(matcher: str | None) -> Config:
    return Config.model_validate({"dialog": {"matcher": matcher}})


def test_the_matcher_is_made() -> None:
    assert make_matcher(configured(None)) is None
    assert isinstance(make_matcher(configured(f"{HERE}:make")), Silent)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (f"{HERE}:make_none", "which has no `match`"),
        (f"{HERE}:nobody", "AttributeError"),
        ("no_such_module:make", "there is no module 'no_such_module'"),
    ],
)
def test_one_that_cannot_be_used_is_told_at_the_start(target: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        make_matcher(configured(target))

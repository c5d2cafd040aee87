"""Makes the configured matcher."""

from typing import cast

from offhook.pipeline.understanding.match import Matcher
from offhook.settings.config import Config
from offhook.settings.user_modules import import_user_module, reason
from offhook.usererror import UserError


def make_matcher(config: Config) -> Matcher | None:
    """The matcher that the user's factory makes; None if none is set. Raises UserError."""
    target = config.dialog.matcher
    if target is None:
        return None
    module, _, function = target.partition(":")
    try:
        factory = getattr(import_user_module(module), function)
        matcher = factory(config)
    except Exception as error:  # it is the user's code
        raise _unusable(target, reason(error, module)) from error
    if not callable(getattr(matcher, "match", None)):
        raise _unusable(target, f"{function}(config) returned {matcher!r}, which has no `match`")
    return cast(Matcher, matcher)


def _unusable(target: str, why: str) -> UserError:
    what = f"the matcher {target!r} cannot be used"
    return UserError(what, why, "MODULE:FUNCTION, where FUNCTION(config) returns a matcher", "[dialog] matcher")

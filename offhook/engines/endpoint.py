"""Makes the configured endpointing policy."""

from typing import cast

from offhook.pipeline.endpoint.answer import AnswerPolicy
from offhook.pipeline.endpoint.silence import SilencePolicy
from offhook.pipeline.events import EndpointPolicy
from offhook.settings.config import Config
from offhook.settings.user_modules import import_user_module, reason
from offhook.usererror import UserError


def make_endpoint_policy(config: Config) -> EndpointPolicy:
    """One of the built-in policies, or the one that the user's factory makes. Raises UserError."""
    turn = config.turn
    if turn.endpoint == "answer":
        longest = max(turn.silence_ms, turn.min_silence_ms, turn.max_silence_ms)
        return AnswerPolicy(turn.silence_ms, turn.likely_ms, turn.min_silence_ms, longest)
    if turn.endpoint == "silence":
        return SilencePolicy(turn.silence_ms, turn.likely_ms)
    module, _, function = turn.endpoint.partition(":")
    try:
        factory = getattr(import_user_module(module), function)
        policy = factory(config)
    except Exception as error:  # it is the user's code
        raise _unusable(turn.endpoint, reason(error, module)) from error
    if not callable(getattr(policy, "decide", None)):
        raise _unusable(turn.endpoint, f"{function}(config) returned {policy!r}, which has no `decide`")
    return cast(EndpointPolicy, policy)


def _unusable(target: str, why: str) -> UserError:
    what = f"the endpointing policy {target!r} cannot be used"
    return UserError(what, why, "MODULE:FUNCTION, where FUNCTION(config) returns a policy", "[turn] endpoint")

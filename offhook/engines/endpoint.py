"""Makes the configured endpointing policy."""

from importlib import import_module
from typing import cast

from offhook.pipeline.endpoint.silence import SilencePolicy
from offhook.pipeline.events import EndpointPolicy
from offhook.settings.config import Config
from offhook.usererror import UserError


def make_endpoint_policy(config: Config) -> EndpointPolicy:
    """The built-in policy, or the one that the user's factory makes. Raises UserError."""
    turn = config.turn
    if turn.endpoint == "silence":
        return SilencePolicy(turn.silence_ms, turn.likely_ms or None)
    module, _, function = turn.endpoint.partition(":")
    try:
        factory = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise UserError(
            f"the endpointing policy {turn.endpoint!r} cannot be loaded",
            str(error),
            "the name of a module that can be imported, and of a function in it, such as mybot.turns:policy",
            "[turn] endpoint",
        ) from error
    return cast(EndpointPolicy, factory(config))

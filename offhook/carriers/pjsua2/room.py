"""How many of PJSIP's calls callers may have.

A caller who is connected to somebody else takes two. If callers had all of them, those who wait for an agent would
wait for ever.
"""

from offhook.settings.config import Config

KEPT_SHARE = 4
"""One in so many of a build's calls, and one at least, is kept for calls out."""


def connects_callers(config: Config) -> bool:
    """Whether callers may be connected to others by a second call: by queues and their call-backs, or by transfers."""
    return bool(config.queues or config.transfer.targets or config.transfer.allow)


def most_callers(config: Config, most_calls: int) -> int | None:
    """How many calls may come in at once over a build with room for `most_calls`; None: all of them."""
    if most_calls < 2 or not connects_callers(config):
        return None
    return most_calls - max(1, most_calls // KEPT_SHARE)

"""Keeps the keys of a call to one who has asked for them."""

from offhook.calls.privacy import Privacy
from offhook.telephony.line import Shieldable
from offhook.telephony.listeners import DtmfHandler


def shielded(line: object, privacy: Privacy, keys: DtmfHandler | None, *, alone: bool) -> str:
    """Have `keys` alone hear the caller's keys, and nobody the caller; None: no longer. `alone`: the caller is with the
    bot, and with nobody else.

    Above the `line`, its listeners get nothing; below it, the call's privacy has the recording and the capture paused.
    Returns why nobody can promise that, "" where it is done.
    """
    if line is None:
        return "the call is over"
    if not isinstance(line, Shieldable):
        return "what carries this call has no way to keep keys from others"
    if keys is not None and not alone:
        return "the caller is connected to somebody else"
    if keys is not None:
        privacy.shield(True)
    line.shield(keys)
    if keys is None:
        privacy.shield(False)
    return ""

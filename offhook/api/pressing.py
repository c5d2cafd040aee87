"""Keys that the bot presses for the far end, with pauses among them."""

import asyncio
from collections.abc import Mapping
from itertools import groupby

from offhook.api.call import Call
from offhook.usererror import UserError

KEY_S = 0.2
"""How long a key takes with the gap behind it, by whatever way it goes."""


async def press(call: Call, keys: str, pauses_s: Mapping[str, float]) -> str:
    """Press keys, and wait for so long at each character of `pauses_s`; returns when all have been sent. Why the line
    sends none, empty where it does. Raises CallEnded."""
    for is_pause, group in groupby(keys, lambda key: key in pauses_s):
        run = "".join(group)
        if is_pause:
            await call.until_ended(asyncio.sleep(sum(pauses_s[each] for each in run)))
            continue
        try:
            call.send_dtmf(run)
        except UserError as error:
            return error.problems[0].why
        await call.until_ended(asyncio.sleep(KEY_S * len(run)))
    return ""

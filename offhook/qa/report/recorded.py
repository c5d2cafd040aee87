"""What is kept of a scripted call that is over."""

import time

from offhook.qa.caller.outgoing import FRAME_S
from offhook.qa.caller.recorder import LineRecorder
from offhook.qa.caller.scripted_call import Leg, ScriptedCall
from offhook.qa.report.recording import Recording, placed
from offhook.qa.verdict.observed import ObservedCall


def recording_of(call: ScriptedCall, leg: Leg, call_id: str, seen: ObservedCall) -> Recording:
    """What the recorder of a call that is over has, and what was heard."""
    zero_s = leg.signalling.invited_s
    kept = call.recorder or LineRecorder()
    heard = sorted(call.received.arrivals, key=lambda each: each.at_tick)
    pcm = call.received.pcm
    pieces = ((each.at_s - zero_s, bytes(pcm[2 * each.at_tick : 2 * (each.at_tick + each.ticks)])) for each in heard)
    caller = placed((at_s - FRAME_S - zero_s, frame) for at_s, frame in kept.frames)
    bot = placed(pieces)
    length = max(len(caller), len(bot))
    began_s = time.time() - (time.monotonic() - zero_s)
    both = caller.ljust(length, b"\0"), bot.ljust(length, b"\0")
    return Recording(seen, *both, began_s, zero_s, call_id, tuple(kept.packets), tuple(leg.messages), kept.left_out)

"""A transfer as a table.

Theory of operation. A transfer has a caller, who talks to the bot, and an agent, who should talk to the caller. There
are two ways. By REFER the caller's side calls the agent, and the bot only hears how that goes; or the bot calls the
agent, by a leg of its own, and then speaks to them first (BRIEFING) and forwards the audio of both (BRIDGED), or has
the caller's side take over the leg by REFER with Replaces (REPLACING).

Who may leave when is the whole point. The caller may at any time, and the agent's leg is released with them; only
once the caller's side has accepted a REFER, its BYE means that the transfer is its own affair now: PBXs send it right
after the 202. While the agent's phone is being taken over (REPLACED, ALONE) releasing the agent's leg would break what
the two sides are doing, so it is left for a moment.

`TRANSFERRED`, `RETURNED` (the caller talks to the bot again) and `OVER` are final: then no leg of the agent is left.
"""

from collections.abc import Mapping
from enum import StrEnum

from offhook.sip.transaction.machine import Start, Table


class TransferState(StrEnum):
    """The states of a transfer."""

    ANNOUNCING = "announcing"  # what was said before it is still being played
    REFERRING = "referring"  # REFER sent
    REFERRED = "referred"  # accepted, no NOTIFY yet
    NOTIFIED = "notified"  # the caller's side calls the agent
    CALLING = "calling"  # we call the agent
    BRIEFING = "briefing"  # we speak to the agent
    REPLACING = "replacing"  # REFER with Replaces sent
    REPLACED = "replaced"  # accepted
    ALONE = "alone"  # likewise, and the caller has left us
    BRIDGED = "bridged"
    TRANSFERRED = "transferred"
    RETURNED = "returned"
    OVER = "over"


class TransferInput(StrEnum):
    """The inputs of a transfer, besides the expiry of a `TransferTimer`."""

    REFER = "announced, refer"
    CALL = "announced, call the agent"
    ACCEPTED = "refer accepted"
    ACCEPTED_FOR_GOOD = "refer accepted, without notify"
    REFUSED = "refer refused"
    REFUSED_CALL = "refer refused, call instead"
    PROGRESS = "notify 1xx"
    SUCCEEDED = "notify 2xx"
    FAILED = "notify 3xx-6xx"
    UNKNOWN = "notify ended"
    ANSWERED_BRIEF = "agent answered, brief them"
    ANSWERED_BRIDGE = "agent answered"
    AGENT_FAILED = "agent not reached"
    AGENT_GONE = "agent left"
    AGREED_BRIDGE = "agent agreed"
    AGREED_REFER = "agent agreed, refer"
    DECLINED = "agent declined"
    TAKE_BACK = "take back"
    CALLER_GONE = "caller left"
    CANNOT = "cannot"


class TransferTimer(StrEnum):
    """The timers of a transfer. Of SILENT_GOOD and SILENT_BAD the policy sets one."""

    SILENT_GOOD = "no notify: succeeded"
    SILENT_BAD = "no notify: failed"
    OUTCOME = "no outcome"
    RING = "ring"
    BRIEFING = "briefing"
    REPLACEMENT = "replacement"


class TransferAction(StrEnum):
    """What a transfer does."""

    SEND_REFER = "send refer"
    SEND_REPLACES = "send refer with replaces"
    CALL_AGENT = "call agent"
    BRIEF_AGENT = "brief agent"
    BRIDGE = "bridge"
    UNBRIDGE = "unbridge"
    RELEASE_AGENT = "release agent"
    RELEASE_CALLER = "release caller"
    REPORT = "report"


S, G, T, A = TransferState, TransferInput, TransferTimer, TransferAction

FINAL = frozenset({S.TRANSFERRED, S.RETURNED, S.OVER})

_SILENT = (Start(T.SILENT_GOOD), Start(T.SILENT_BAD))

_Rows = Mapping[tuple[TransferState, StrEnum], tuple[TransferState, tuple[TransferAction | Start, ...]]]

_TRANSFERRED = (S.TRANSFERRED, (A.RELEASE_CALLER, A.REPORT))
_LEFT = (S.TRANSFERRED, (A.REPORT,))
_RETURNED = (S.RETURNED, (A.REPORT,))
_GIVEN_UP = (S.RETURNED, (A.RELEASE_AGENT, A.REPORT))
_OVER = (S.OVER, (A.REPORT,))
_BOTH_OVER = (S.OVER, (A.RELEASE_AGENT, A.REPORT))

_BEGIN: _Rows = {
    (S.ANNOUNCING, G.REFER): (S.REFERRING, (A.SEND_REFER,)),
    (S.ANNOUNCING, G.CALL): (S.CALLING, (A.CALL_AGENT, Start(T.RING))),
    (S.ANNOUNCING, G.CANNOT): _RETURNED,
    (S.ANNOUNCING, G.TAKE_BACK): _RETURNED,
    (S.ANNOUNCING, G.CALLER_GONE): _OVER,
}

_REFER: _Rows = {
    (S.REFERRING, G.ACCEPTED): (S.REFERRED, _SILENT),
    (S.REFERRING, G.ACCEPTED_FOR_GOOD): _TRANSFERRED,
    (S.REFERRING, G.REFUSED): _RETURNED,
    (S.REFERRING, G.REFUSED_CALL): (S.CALLING, (A.CALL_AGENT, Start(T.RING))),
    # RFC 3515 §2.4.4: a NOTIFY may overtake the 202
    (S.REFERRING, G.PROGRESS): (S.NOTIFIED, (Start(T.OUTCOME),)),
    (S.REFERRING, G.SUCCEEDED): _TRANSFERRED,
    (S.REFERRING, G.FAILED): _RETURNED,
    (S.REFERRING, G.UNKNOWN): _TRANSFERRED,
    (S.REFERRING, G.CALLER_GONE): _OVER,
    (S.REFERRED, G.PROGRESS): (S.NOTIFIED, (Start(T.OUTCOME),)),
    (S.REFERRED, G.SUCCEEDED): _TRANSFERRED,
    (S.REFERRED, G.FAILED): _RETURNED,
    # The subscription ended without a status: it was accepted, and did not fail
    (S.REFERRED, G.UNKNOWN): _TRANSFERRED,
    (S.REFERRED, T.SILENT_GOOD): _TRANSFERRED,
    (S.REFERRED, T.SILENT_BAD): _RETURNED,
    # Some leave right after the 202: Teams, SBCs
    (S.REFERRED, G.CALLER_GONE): _LEFT,
    (S.NOTIFIED, G.SUCCEEDED): _TRANSFERRED,
    (S.NOTIFIED, G.FAILED): _RETURNED,
    (S.NOTIFIED, G.UNKNOWN): _TRANSFERRED,
    (S.NOTIFIED, T.OUTCOME): _RETURNED,
    (S.NOTIFIED, G.CALLER_GONE): _LEFT,
}

_CALL: _Rows = {
    (S.CALLING, G.ANSWERED_BRIEF): (S.BRIEFING, (A.BRIEF_AGENT, Start(T.BRIEFING))),
    (S.CALLING, G.ANSWERED_BRIDGE): (S.BRIDGED, (A.BRIDGE,)),
    (S.CALLING, G.AGENT_FAILED): _RETURNED,
    (S.CALLING, G.AGENT_GONE): _RETURNED,
    (S.CALLING, T.RING): _GIVEN_UP,
    (S.CALLING, G.TAKE_BACK): _GIVEN_UP,
    (S.CALLING, G.CALLER_GONE): _BOTH_OVER,
    (S.BRIEFING, G.AGREED_BRIDGE): (S.BRIDGED, (A.BRIDGE,)),
    (S.BRIEFING, G.AGREED_REFER): (S.REPLACING, (A.SEND_REPLACES,)),
    (S.BRIEFING, G.DECLINED): _GIVEN_UP,
    (S.BRIEFING, G.AGENT_GONE): _RETURNED,
    (S.BRIEFING, T.BRIEFING): _GIVEN_UP,
    (S.BRIEFING, G.TAKE_BACK): _GIVEN_UP,
    (S.BRIEFING, G.CALLER_GONE): _BOTH_OVER,
    (S.BRIDGED, G.AGENT_GONE): (S.RETURNED, (A.UNBRIDGE, A.REPORT)),
    (S.BRIDGED, G.TAKE_BACK): (S.RETURNED, (A.UNBRIDGE, A.RELEASE_AGENT, A.REPORT)),
    (S.BRIDGED, G.CALLER_GONE): (S.OVER, (A.UNBRIDGE, A.RELEASE_AGENT, A.REPORT)),
}

_TO_BRIDGE = (S.BRIDGED, (A.BRIDGE,))

_REPLACE: _Rows = {
    (S.REPLACING, G.ACCEPTED): (S.REPLACED, _SILENT),
    (S.REPLACING, G.PROGRESS): (S.REPLACED, _SILENT),
    (S.REPLACING, G.ACCEPTED_FOR_GOOD): (S.ALONE, (A.RELEASE_CALLER, Start(T.REPLACEMENT))),
    # Both are here, and the agent has agreed: connect them ourselves
    (S.REPLACING, G.REFUSED): _TO_BRIDGE,
    (S.REPLACING, G.FAILED): _TO_BRIDGE,
    (S.REPLACING, G.SUCCEEDED): (S.TRANSFERRED, (A.RELEASE_AGENT, A.RELEASE_CALLER, A.REPORT)),
    (S.REPLACING, G.UNKNOWN): (S.TRANSFERRED, (A.RELEASE_AGENT, A.RELEASE_CALLER, A.REPORT)),
    # Taken over, or hung up: the REFER's outcome will say
    (S.REPLACING, G.AGENT_GONE): (S.REFERRING, ()),
    (S.REPLACING, G.CALLER_GONE): _BOTH_OVER,
    (S.REPLACED, G.SUCCEEDED): (S.TRANSFERRED, (A.RELEASE_AGENT, A.RELEASE_CALLER, A.REPORT)),
    (S.REPLACED, G.UNKNOWN): (S.TRANSFERRED, (A.RELEASE_AGENT, A.RELEASE_CALLER, A.REPORT)),
    (S.REPLACED, G.FAILED): _TO_BRIDGE,
    # The agent's phone has not been taken over, whatever the policy for blind transfers
    (S.REPLACED, T.SILENT_GOOD): _TO_BRIDGE,
    (S.REPLACED, T.SILENT_BAD): _TO_BRIDGE,
    (S.REPLACED, G.AGENT_GONE): (S.REFERRED, _SILENT),
    (S.REPLACED, G.CALLER_GONE): (S.ALONE, (Start(T.REPLACEMENT),)),
    (S.ALONE, G.AGENT_GONE): _LEFT,
    (S.ALONE, T.REPLACEMENT): (S.TRANSFERRED, (A.RELEASE_AGENT, A.REPORT)),
}

TRANSFER: Table[TransferState, TransferAction] = Table(
    "transfer", (S.ANNOUNCING, ()), {**_BEGIN, **_REFER, **_CALL, **_REPLACE}
)

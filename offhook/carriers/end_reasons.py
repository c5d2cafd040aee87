"""Why the bot ends a call, for the far end: the Reason of its BYE or CANCEL (RFC 3326). Pure."""

from offhook.calls.outcome import OutcomeReason
from offhook.records import EndedBy
from offhook.sip.message.reason import MAX_TEXT, EndReason

NORMAL, NO_ANSWER, FAILURE = 16, 19, 41
"""Causes of Q.850: what gateways and billing read."""


def end_reasons(
    by: EndedBy, text: str, *, answered: bool = True, outcome: OutcomeReason | None = None
) -> tuple[EndReason, ...]:
    """The reasons for a call that our side ends. `text` is the record's; it is passed on where it says nothing of the
    bot's inside."""
    if not answered and outcome is OutcomeReason.NO_ANSWER:
        return (EndReason("Q.850", NO_ANSWER, _line(text)),)
    match by:
        case EndedBy.BOT | EndedBy.CALLER:
            return (EndReason("Q.850", NORMAL, "bot hung up" if answered else "bot gave up"),)
        case EndedBy.NETWORK:
            return (EndReason("Q.850", FAILURE, _line(text)),)
        case EndedBy.CRASH:
            return (EndReason("Q.850", FAILURE, "the bot failed"),)
        case _:
            return (EndReason("Q.850", NORMAL, _line(text)),)


def _line(text: str) -> str:
    return "".join(char for char in text if char.isprintable())[:MAX_TEXT]

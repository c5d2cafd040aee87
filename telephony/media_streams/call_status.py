"""Twilio's statuses of a call (the parameter `CallStatus` of its requests)."""

COMPLETED = "completed"
"""The call was answered, and has ended."""

UNANSWERED = frozenset({"busy", "failed", "no-answer", "canceled"})


def is_final(status: str) -> bool:
    """Whether a call with this status is over."""
    return status == COMPLETED or status in UNANSWERED

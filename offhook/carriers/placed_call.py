"""What the one who places a single call gets back."""

from dataclasses import dataclass

from offhook.calls.outcome import OutcomeReason
from offhook.records import CallRecord


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """The outcome of a call. `reason` tells apart what can become of one: "answered", "busy", "no_answer" …; `status`
    is the carrier's own word for it, over SIP as "486 Busy Here", with Twilio as "no-answer". `call_id` is the
    carrier's name for the call: SIP's Call-ID, Twilio's SID."""

    call_id: str
    reason: OutcomeReason
    status: str
    record: CallRecord | None

    @property
    def answered(self) -> bool:
        """Whether the call was answered, by a person or a machine."""
        return self.record is not None and self.record.answer is not None

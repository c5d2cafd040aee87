"""What is kept of a call, and what is kept from all: the part of `Call` that records."""

from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Literal

from offhook.api.call_ended import CallEnded
from offhook.api.call_speech import CallSpeech
from offhook.api.message import Message, MessageRecorder, beeped
from offhook.pipeline.dialog.limits import MAX_MESSAGE_S, MAX_MESSAGE_SILENCE_S
from offhook.settings.mail import no_mailbox
from offhook.telephony.listeners import DtmfHandler
from offhook.usererror import UserError

Consent = Literal["given", "refused", "announced"]
"""What a caller has said to being recorded; "announced": they were only informed."""
CONSENTS: tuple[Consent, ...] = ("given", "refused", "announced")


class CallRecording(CallSpeech):
    """What is declared here belongs to the call."""

    recorded: bool | None
    consent: Consent | None
    _on_record: Callable[[bool], None] | None
    _on_record_call: Callable[[bool, str | None], None] | None
    _on_shield: Callable[[DtmfHandler | None], str] | None
    _on_message: Callable[[Message], Awaitable[Path]] | None
    _mailboxes: Collection[str] | None

    async def record(
        self,
        *,
        beep: bool = True,
        most_s: float = 120.0,
        silence_s: float = 3.0,
        end_keys: str = "#",
        trim: bool = True,
        mailbox: str = "",
    ) -> Message:
        """Record what the caller says, after a beep, until they have been silent for `silence_s` or press one of
        `end_keys`, for `most_s` at the longest. What they say is no answer to anything else. Without `trim` the silence
        at its end is kept. `mailbox`: who gets it once it is kept, by `[mail.boxes]` of the settings.

        Where the caller hangs up in it, CallEnded is raised, and its `message` has what there is so far. Raises
        RuntimeError while something else is being said; ValueError for lengths out of their range; UserError for a
        mailbox that is not there.
        """
        if self._ended or self.hung_up:
            raise CallEnded
        if not (0 < silence_s <= MAX_MESSAGE_SILENCE_S and 0 < most_s <= MAX_MESSAGE_S):
            raise ValueError(f"most_s is {most_s!r}, silence_s {silence_s!r}")
        if mailbox and self._mailboxes is not None and mailbox not in self._mailboxes:
            raise no_mailbox(mailbox, list(self._mailboxes))
        with self.covering(False):
            if beep:
                await self.until_ended(beeped(self.audio, self._session))
            recorder = MessageRecorder(
                self._session.line,
                self._session,
                most_s,
                end_keys,
                trim=trim,
                language=self._language,
                mailbox=mailbox,
            )
            try:
                message = recorder.message(await self.until_ended(recorder.ended(silence_s)))
            except CallEnded as ended:
                ended.message = recorder.message("hang_up")
                raise
            finally:
                recorder.close()
        self.forget_unasked()
        return message

    async def keep(self, message: Message) -> Path:
        """Write a message into the recordings' folder, by the call's id; returns the file. It may follow the call's
        end. Raises OSError; UserError where there is no such folder."""
        if self._on_message is None:
            raise UserError(
                "no message can be kept", "this call has no folder for it", "a bot that `offhook serve` runs"
            )
        return await self._on_message(message)

    def pause_recording(self) -> None:
        """Record silence, of both sides, until `resume_recording`: for card numbers and the like.

        The transcript still has what the caller speaks, though never their keys. A capture has the packets of that
        time, and of two seconds more, without sound, and without keys. Does nothing in a call that is neither recorded
        nor captured.
        """
        if self._on_record is not None:
            self._on_record(True)

    def resume_recording(self) -> None:
        """Record again what is said."""
        if self._on_record is not None:
            self._on_record(False)

    def start_recording(self, consent: Consent | None = None) -> None:
        """From here on the call may be recorded and captured, where the settings have that; with `record_consent`
        nothing is before. `consent` goes onto the call's record: "given", or "announced"."""
        self._record_call(True, consent)

    def stop_recording(self, consent: Consent | None = None) -> None:
        """From here on neither sound nor keys of the call are kept: its recording is silent, and its capture. "refused"
        as `consent` goes onto the call's record, and removes what has been recorded so far."""
        self._record_call(False, consent)

    def _record_call(self, kept: bool, consent: Consent | None) -> None:
        self.recorded, self.consent = kept, consent or self.consent
        if self._on_record_call is not None:
            self._on_record_call(kept, consent)

    def shield(self, keys: DtmfHandler) -> str:
        """From now on only `keys` hears the caller, and of them nothing but keys, until `unshield`: transcripts, logs,
        recordings, captures and all others who listen have silence. Returns "", or why nobody can promise that: then
        nothing has changed."""
        if self._ended or self._on_shield is None:
            return "this call has no line to keep keys from others on"
        return self._on_shield(keys)

    def unshield(self) -> None:
        """The caller is heard again."""
        if not self._ended and self._on_shield is not None:
            self._on_shield(None)

"""A call as an agent sees it: say, ask, listen, hang up."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from offhook.api.answered import StillUnanswered, WhoAnswers
from offhook.api.call_audio import CallAudio
from offhook.api.call_ended import CallEnded
from offhook.api.call_speech import CallSpeech
from offhook.api.headers import CallHeaders
from offhook.api.message import Message, MessageRecorder, beeped
from offhook.api.playing import Played, Until, play
from offhook.api.queued import Queued, QueueRequest
from offhook.api.turns import History, Said, TurnEvents
from offhook.api.understood import Understanding
from offhook.audio_stream import AUDIO_TYPES
from offhook.engines.languages import ANY_LANGUAGE, EngineLanguages
from offhook.http_request import HttpRequest
from offhook.llm.model import LanguageModel, no_model
from offhook.pipeline.dialog.limits import (
    MAX_MESSAGE_S,
    MAX_MESSAGE_SILENCE_S,
    MAX_PLAY_S,
    MAX_VOLUME_DB,
    MIN_VOLUME_DB,
)
from offhook.pipeline.session import Session
from offhook.pipeline.trace import SessionEvent
from offhook.pipeline.tts.recording import Recording
from offhook.pipeline.turn.events import NoInput, TurnEvent, TurnOver
from offhook.sip.message.identities import Identities, Party
from offhook.sip.message.user_to_user import UserToUser, user_to_user
from offhook.telephony.listeners import DtmfHandler
from offhook.transfer.outcome import TransferMode, Transferred
from offhook.transfer.request import TransferRequest
from offhook.usererror import UserError

Dialog = Callable[["Call"], Awaitable[None]]
"""The coroutine function of one call: the simplest agent. When it returns, the bot hangs up."""

Consent = Literal["given", "refused", "announced"]
"""What a caller has said to being recorded; "announced": they were only informed."""
CONSENTS: tuple[Consent, ...] = ("given", "refused", "announced")

HANG_UP_WAIT_S = 5.0  # for the last words to be played; a stalled line does not hold the call


class Call(CallSpeech):
    """One call. `id` names it in records, logs and the API.

    `caller` and `called` are as the far end gave them, over SIP the URIs of From and of the Request-URI (the number
    dialled); they never prove who is calling. `identities` has them and To, P-Asserted-Identity, Diversion and
    History-Info as values (`call.identities.called.number`), P-Asserted-Identity of trunks and `sip.peers` only, and
    what Privacy asks for. `trunk` is the name of the trunk in the settings by which the call came, judged by its source
    address, or went; empty for any other call. Names of `headers` are case-insensitive
    (`call.headers.get("x-account")`). `direction` is "outbound" for calls that the bot placed: then `called` is who
    talks, and `variables` has what the call was placed with, by name (empty for all others); `route` is the number of
    the configured route whose dialog was asked for, None: the default.
    """

    def __init__(  # noqa: PLR0913  # made in one place
        self,
        session: Session,
        *,
        call_id: str,
        caller: str,
        called: str,
        headers: Iterable[tuple[str, str]] = (),
        identities: Identities | None = None,
        trunk: str = "",
        direction: Literal["inbound", "outbound"] = "inbound",
        variables: Mapping[str, str] | None = None,
        route: int | None = None,
        silence_ms: int = 500,
        no_input_ms: int = 5_000,
        language: str = "en",
        languages: EngineLanguages = ANY_LANGUAGE,
        understanding: Understanding | None = None,
        on_hangup: Callable[[], None] | None = None,
        on_state: Callable[[str, str], None] | None = None,
        on_transfer: Callable[[TransferRequest], Awaitable[Transferred | None]] | None = None,
        on_queue: "Callable[[Call, QueueRequest], Awaitable[Queued]] | None" = None,
        on_record: Callable[[bool], None] | None = None,
        on_keep: Callable[[bool, str | None], None] | None = None,
        on_shield: Callable[[DtmfHandler | None], str] | None = None,
        on_dtmf: Callable[[str], None] | None = None,
        model: Callable[[], LanguageModel] | None = None,
        answering: WhoAnswers | None = None,
        early_media: StillUnanswered | None = None,
        on_message: Callable[[Message], Awaitable[Path]] | None = None,
        switches: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self.id = call_id
        self.caller = caller
        self.called = called
        self.headers = CallHeaders(headers)
        self.identities = identities or Identities(called=Party(called), caller=Party(caller))
        self.trunk = trunk
        self.direction = direction
        self.variables: Mapping[str, str] = MappingProxyType(dict(variables or {}))
        self.route = route
        self._session = session
        self._silence_ms = silence_ms
        self._no_input_ms = no_input_ms
        self._language = language
        self._languages = languages
        self._understanding = understanding or Understanding()
        self._on_hangup = on_hangup
        self._on_state = on_state
        self._on_transfer = on_transfer
        self._on_queue = on_queue
        self._on_record = on_record
        self._on_keep = on_keep
        self._on_shield = on_shield
        self._on_dtmf = on_dtmf
        self._model = model
        self._answering = answering
        self._answered_by = ""
        self._early_media = early_media
        self._on_message = on_message
        self._switches = switches
        self._ended = False
        self._turns: dict[TurnEvents, Callable[[], None]] = {}  # with what unsubscribes each
        self._history: History | None = None
        self._before_end: list[Callable[[bool], None]] = []
        self.end_reason = ""
        """Why the bot hangs up, for the call's record, if it says so before `hangup`."""
        self.hung_up = False
        """Whether the bot has hung up, or transferred the call."""
        self.recorded: bool | None = None
        """What the dialog has decided about recording the call; None: nothing, and the settings hold."""
        self.consent: Consent | None = None
        """What the caller has said to it, as it was noted last."""

    @property
    def user_to_user(self) -> tuple[UserToUser, ...]:
        """What the caller's application sent along (User-to-User, RFC 7433): `call.user_to_user[0].content`, in bytes.

        Values that cannot be read are left out; `headers` has them as they came.
        """
        return user_to_user(self.headers.get_all("User-to-User"))

    def default_model(self) -> LanguageModel:
        """The language model of `[llm]`, which the calls of a process share. Raises UserError if there is none."""
        if self._model is None:
            raise no_model()
        return self._model()

    @property
    def answered(self) -> bool:
        """Whether the call is answered. False only for a dialog that begins in early media, until `answer`."""
        return self._early_media is None or self._early_media.is_answered

    async def answer(self) -> None:
        """Answer a call whose dialog began in early media (`@bot.answer(early_media=True)`), and wait until the
        caller's side has confirmed that. Does nothing in a call that is answered. Raises CallEnded."""
        if self._ended or self.hung_up:
            raise CallEnded
        if self._early_media is not None:
            await self.until_ended(self._early_media.answer())

    async def reject(self, status: int = 480) -> None:
        """Refuse a call that is not answered, with a SIP status from 400 to 699, once everything said has been played:
        486 is busy, 480 not available, 603 declined. The dialog runs on. `hangup` does the same with 480.

        ValueError for another status; UserError for a call that is answered.
        """
        if not 400 <= status <= 699:
            raise ValueError(f"{status} is not a SIP status that refuses a call: 400 to 699")
        if self._early_media is None or self.answered:
            what, why = "this call cannot be refused", "it is answered"
            raise UserError(what, why, "await call.hangup(), or @bot.answer(early_media=True) above the dialog")
        self._early_media.refuse_with(status)
        await self.hangup()

    def report(self, event: SessionEvent) -> None:
        """Put an event of an agent on the call's record, the page and in the metrics."""
        if not self._ended:
            self._session.report(event)

    def send_dtmf(self, digits: str) -> None:
        """Press keys for the far end, as in a menu that the bot has called: `0-9`, `*`, `#`, `A-D`.

        Raises CallEnded; ValueError for anything else, UserError if the line cannot send them.
        """
        if self._ended or self.hung_up:
            raise CallEnded
        if not digits or set(digits) - set("0123456789*#ABCD"):
            raise ValueError(f"{digits[:40]!r} are not keys of a phone")
        if self._on_dtmf is None:
            raise UserError("this line cannot send keys", "its protocol has none", "have the call come over SIP")
        self._on_dtmf(digits)

    async def play(
        self,
        sound: Recording | str | HttpRequest,
        *,
        loop: bool = False,
        for_s: float | None = None,
        until: Until = "end",
        volume_db: float = 0.0,
    ) -> Played:
        """Play music or a long recording (`load_sound`), or what the server of an address sends, WAV or mu-law; returns
        when it has been played, after `for_s` (an hour at most), or when the caller ends it, with a key or by speech as
        `until` says, which answers nothing else then. `loop` begins a recording again at its end.

        A stream may be late by two seconds, five at its beginning: then the result's `failed` says why. Raises
        CallEnded; RuntimeError while something else is being said or asked; ValueError for a number out of its range.
        """
        if self._ended or self.hung_up:
            raise CallEnded
        if not MIN_VOLUME_DB <= volume_db <= MAX_VOLUME_DB or not (for_s is None or 0 < for_s <= MAX_PLAY_S):
            raise ValueError(f"volume_db is {volume_db!r}, for_s {for_s!r}")
        if isinstance(sound, str):
            sound = HttpRequest(sound, accept=AUDIO_TYPES)
        playing = play(self.audio, sound, loop=loop, for_s=for_s, until=until, volume_db=volume_db)
        played = await self.until_ended(playing)
        if played.playback.interrupted:
            self.forget_unasked()
        return played

    async def record(
        self,
        *,
        beep: bool = True,
        most_s: float = 120.0,
        silence_s: float = 3.0,
        end_keys: str = "#",
        trim: bool = True,
    ) -> Message:
        """Record what the caller says, after a beep, until they have been silent for `silence_s` or press one of
        `end_keys`, for `most_s` at the longest. What they say is no answer to anything else. Without `trim` the silence
        at its end is kept.

        Where the caller hangs up in it, CallEnded is raised, and its `message` has what there is so far. Raises
        RuntimeError while something else is being said; ValueError for lengths out of their range.
        """
        if self._ended or self.hung_up:
            raise CallEnded
        if not (0 < silence_s <= MAX_MESSAGE_SILENCE_S and 0 < most_s <= MAX_MESSAGE_S):
            raise ValueError(f"most_s is {most_s!r}, silence_s {silence_s!r}")
        covers, self.covers_silence = self.covers_silence, False
        try:
            if beep:
                await self.until_ended(beeped(self.audio, self._session))
            recorder = MessageRecorder(
                self._session.line, self._session, most_s, end_keys, trim=trim, language=self._language
            )
            try:
                message = recorder.message(await self.until_ended(recorder.ended(silence_s)))
            except CallEnded as ended:
                ended.message = recorder.message("hang_up")
                raise
            finally:
                recorder.close()
        finally:
            if not self._ended:
                self.covers_silence = covers
        self.forget_unasked()
        return message

    def forget_unasked(self) -> None:
        """Drop what the caller has said and pressed that nothing has asked for: it answers no question any more."""
        if not self._ended:
            self._session.forget_unasked()

    async def keep(self, message: Message) -> Path:
        """Write a message into the recordings' folder, by the call's id; returns the file. It may follow the call's
        end. Raises OSError; UserError where there is no such folder."""
        if self._on_message is None:
            raise UserError(
                "no message can be kept", "this call has no folder for it", "a bot that `offhook serve` runs"
            )
        return await self._on_message(message)

    @property
    def switches(self) -> Mapping[str, str]:
        """What `offhook flow set` has set now, by name; a switch that nobody has set is missing."""
        return self._switches()

    @property
    def answered_by(self) -> str:
        """Who answered a call that the bot placed: "human", "voicemail", "screening", "ivr", "fax", "busy", "reorder",
        "sit", "silence". Empty while that isn't known, and in calls that came in. It may change: what paused like a
        human may beep like a voicemail."""
        if self._answering is None:
            return self._answered_by
        return str(self._answering.by or "")

    async def who_answered(self, timeout_s: float = 5.0) -> str:
        """Wait until `answered_by` is known, and return it; after `timeout_s`, as far as it is known. The bot may speak
        meanwhile."""
        if self._answering is not None:
            await self._answering.verdict(timeout_s)
        return self.answered_by

    async def wait_for_beep(self, timeout_s: float = 30.0) -> bool:
        """Wait until a voicemail records: its beep has ended, or its greeting has been over for a while. False: neither
        came in that time, or the call has ended."""
        return self._answering is not None and await self._answering.beep(timeout_s)

    def turns(self) -> TurnEvents:
        """Events of turns and utterances from now on, as an async iterator that ends with the call.

        Turns that answer an `ask` are left out.
        """
        events = TurnEvents(lambda: self._forget(events))
        if self._ended:
            events.close()
        else:
            self._turns[events] = self._session.subscribe(lambda event: self._pass_on(event, events))
        return events

    @property
    def audio(self) -> CallAudio:
        """The call's audio, for an agent that recognises and speaks by itself."""
        return CallAudio(self._session)

    @property
    def history(self) -> tuple[Said, ...]:
        """The conversation so far: the bot's words that were played, and what was recognised."""
        return tuple(self._history.lines) if self._history is not None else ()

    def enter(self, state: str, by: str = "") -> None:
        """Report the dialog's current step, under any name, to the live view and the timeline of the call; `by` says
        what led there, as `choices.hours` does in a flow."""
        if self._on_state is not None and not self._ended:
            self._on_state(state, by)

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
        self._keep(True, consent)

    def stop_recording(self, consent: Consent | None = None) -> None:
        """From here on neither sound nor keys of the call are kept: its recording is silent, and its capture. "refused"
        as `consent` goes onto the call's record, and removes what has been recorded so far."""
        self._keep(False, consent)

    def _keep(self, kept: bool, consent: Consent | None) -> None:
        self.recorded, self.consent = kept, consent or self.consent
        if self._on_keep is not None:
            self._on_keep(kept, consent)

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

    async def hangup(self) -> None:
        """End the call once everything said has been played; one that is not answered is refused with 480. Nothing more
        can be said, but the dialog runs on."""
        if self._ended or self.hung_up:
            return
        self.hung_up = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._session.drained(), HANG_UP_WAIT_S)
        if self._on_hangup is not None:
            self._on_hangup()

    async def transfer(  # noqa: PLR0913  # each is one property of a transfer
        self,
        target: str | Sequence[str],
        *,
        mode: TransferMode | None = None,
        summary: str = "",
        brief: "Callable[[Call], Awaitable[bool]] | None" = None,
        user_to_user: str | None = None,
        headers: Mapping[str, str] | None = None,
        ring_s: float | None = None,
        return_key: str | None = None,
        limit_s: float | None = None,
        on_answer: Callable[[str], None] | None = None,
    ) -> Transferred:
        """Connect the caller to `target` once everything said has been played, and usually leave the call.

        `target` is a name of `[transfer.targets]`, or a number or SIP address that the settings allow. Of several, all
        ring at the same time, and who answers first has the caller, by a bridge. `mode` is one of
        MODES (None: the trunk's, or `transfer.mode`). With `attended` the agent is called first and hears `summary`,
        and a key or a word says whether they take the call; `brief(agent)`, which gets a Call of its own with the
        agent, does that in another way and returns whether they do. `user_to_user` (as "41;encoding=hex") and
        `headers` reach the agent. `ring_s`: how long their phone rings. `return_key`: a key by which either brings the
        caller back from a bridge; `limit_s`: after how long it ends by itself.
        `on_answer` is called with the target that answers a call of the bot's.

        A call that is not answered yet is answered when the agent does (a bridge: until then the caller hears what
        their network sends), or before anything else where the mode is `refer` or `attended`.

        Returns when the transfer is over: `returned` says whether the caller is with the bot again (the agent has hung
        up a bridge). If not, nothing more can be said, but the dialog runs on. Raises TransferError, and the call goes
        on, with the reason: busy, no answer, declined … CallEnded if the caller hangs up before that. UserError if the
        call cannot be transferred at all.
        """
        if self._ended or self.hung_up:
            raise CallEnded
        if self._on_transfer is None:
            raise UserError(
                "this call cannot be transferred",
                "its carrier has no transfers",
                "await call.hangup(), or have the call come over SIP or Twilio",
            )
        first, *also = (target,) if isinstance(target, str) else target
        result = await self._on_transfer(
            TransferRequest(
                first,
                mode,
                summary,
                brief,
                user_to_user,
                tuple((headers or {}).items()),
                ring_s,
                return_key,
                self._language,
                limit_s,
                tuple(also),
                on_answer,
            )
        )
        if result is None:
            raise CallEnded
        self.hung_up = not result.returned
        return result

    async def queue(self, name: str, *, summary: str = "", priority: int = 0, ticket: str = "") -> Queued:
        """Have the caller wait in a queue of the settings (`[queues.NAME]`) until an agent takes the call, who hears
        `summary` first. Callers with a higher `priority` come before the others. `ticket`: this is a call-back.

        Returns when the agent has hung up, or with the reason (`end`) when the wait has ended otherwise. Raises
        CallEnded; UserError if there is no such queue, or the call can wait in none.
        """
        if self._ended or self.hung_up:
            raise CallEnded
        if self._on_queue is None:
            what, why = "this call cannot wait in a queue", "its carrier has no transfers by the bot"
            raise UserError(what, why, "await call.transfer(…), or have the call come over SIP")
        return await self.until_ended(self._on_queue(self, QueueRequest(name, summary, priority, ticket)))

    def keep_history(self) -> None:
        """Start `history` here."""
        self._history = History()
        self._session.subscribe(self._history.on_turn_event)

    def before_end(self, report: Callable[[bool], None]) -> Callable[[], None]:
        """Call `report` when the call ends, while an agent may still put on the record what it leaves unfinished, with
        whether the bot has left it. Returns a function that withdraws it."""
        self._before_end.append(report)
        return lambda: self._before_end.remove(report) if report in self._before_end else None

    def end(self, *, by_bot: bool = False) -> None:
        """The call is over; `by_bot`: it has hung up, or transferred it."""
        reports, self._before_end = self._before_end, []
        for report in reports:
            report(by_bot)
        self._ended = True
        self._answered_by, self._answering = self.answered_by, None
        self._on_hangup = self._on_state = self._on_transfer = self._on_queue = None
        self._on_record = self._on_keep = self._on_dtmf = None
        for events in list(self._turns):
            events.close()

    def _forget(self, events: TurnEvents) -> None:
        unsubscribe = self._turns.pop(events, None)
        if unsubscribe is not None:
            unsubscribe()

    def _pass_on(self, event: TurnEvent, events: TurnEvents) -> None:
        # The answer to `ask` goes to its caller only.
        if not (isinstance(event, TurnOver | NoInput) and self._session.in_step):
            events.put(event)

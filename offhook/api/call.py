"""A call as an agent sees it: say, ask, listen, hang up."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from offhook.api.answered import StillUnanswered, WhoAnswers
from offhook.api.call_ended import CallEnded
from offhook.api.call_recording import CallRecording, Consent
from offhook.api.call_transfer import CallTransfer
from offhook.api.headers import CallHeaders
from offhook.api.message import Message
from offhook.api.playing import Played, Until, play
from offhook.api.queued import Queued, QueueRequest
from offhook.api.taken import Taken, TakeRequest
from offhook.api.turns import History, Said, TurnEvents
from offhook.api.understood import Understanding
from offhook.engines.languages import ANY_LANGUAGE, EngineLanguages
from offhook.http_request import AUDIO_TYPES, HttpRequest
from offhook.llm.model import LanguageModel, no_model
from offhook.pipeline.dialog.limits import MAX_PLAY_S, MAX_VOLUME_DB, MIN_VOLUME_DB
from offhook.pipeline.session import Session
from offhook.pipeline.trace import SessionEvent
from offhook.pipeline.tts.recording import Recording
from offhook.pipeline.turn.events import NoInput, TurnEvent, TurnOver
from offhook.sip.message.identities import Identities, Party
from offhook.sip.message.user_to_user import UserToUser, user_to_user
from offhook.telephony.listeners import DtmfHandler
from offhook.transfer.outcome import Transferred
from offhook.transfer.request import TransferRequest
from offhook.usererror import UserError

Dialog = Callable[["Call"], Awaitable[None]]
"""The coroutine function of one call: the simplest agent. When it returns, the bot hangs up."""

HANG_UP_WAIT_S = 5.0  # for the last words to be played; a stalled line does not hold the call


class Call(CallRecording, CallTransfer):
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
        on_take: "Callable[[Call, TakeRequest], Awaitable[Taken]] | None" = None,
        on_record: Callable[[bool], None] | None = None,
        on_record_call: Callable[[bool, str | None], None] | None = None,
        on_shield: Callable[[DtmfHandler | None], str] | None = None,
        on_dtmf: Callable[[str], None] | None = None,
        model: Callable[[], LanguageModel] | None = None,
        answering: WhoAnswers | None = None,
        early_media: StillUnanswered | None = None,
        on_message: Callable[[Message], Awaitable[Path]] | None = None,
        mailboxes: Collection[str] | None = None,
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
        self._on_take = on_take
        self._on_record = on_record
        self._on_record_call = on_record_call
        self._on_shield = on_shield
        self._on_dtmf = on_dtmf
        self._model = model
        self._answering = answering
        self._answered_by = ""
        self._early_media = early_media
        self._on_message = on_message
        self._mailboxes = mailboxes
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
        sound: Recording | str | HttpRequest | AsyncGenerator[bytes, None],
        *,
        loop: bool = False,
        for_s: float | None = None,
        until: Until = "end",
        volume_db: float = 0.0,
    ) -> Played:
        """Play music or a long recording (`load_sound`), what the server of an address sends, WAV or mu-law, or 16-bit
        mono PCM at `audio.line_rate_hz` as it comes; returns when it has been played, after `for_s` (an hour at most),
        or when the caller ends it, with a key or by speech as `until` says, which answers nothing else then. `loop`
        begins a recording again at its end.

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
    def history(self) -> tuple[Said, ...]:
        """The conversation so far: the bot's words that were played, and what was recognised."""
        return tuple(self._history.lines) if self._history is not None else ()

    def enter(self, state: str, by: str = "") -> None:
        """Report the dialog's current step, under any name, to the live view and the timeline of the call; `by` says
        what led there, as `choices.hours` does in a flow."""
        if self._on_state is not None and not self._ended:
            self._on_state(state, by)

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
        self._on_hangup = self._on_state = self._on_transfer = self._on_queue = self._on_take = None
        self._on_record = self._on_record_call = self._on_shield = self._on_dtmf = None
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

"""The floor: turns, barge-in, and who may speak when. This file is only the table; `core` runs it.

Theory of operation. A conversation has at most one open *utterance* of the bot and one open *question*. The floor says
which of the two the call is busy with, and what the caller is doing:

- The bot speaks (SPEAKING). At the first sign of speech it pauses (BOT_PAUSED): a click resumes it, confirmed speech
  takes the floor (USER_TURN). Where only words tell whether it interrupts, the utterance stays paused meanwhile: after
  a back-channel it goes on.
- A question is open. In the silence after the utterance the bot listens (LISTENING); possible speech gets time to be
  confirmed (MAYBE_SPEECH); speech is a turn (USER_TURN) with pauses in it (PAUSING), and when the endpointing policy
  ends it, its words are recognised (RECOGNISING). Keys take precedence over speech (COLLECTING_DTMF).
- No question is open (IDLE, or SPEAKING). What the caller says then is a turn as well. `unasked` keeps it, beside this
  table, until a question takes it: from IDLE, or after an utterance, the floor moves straight to the state of that turn
  (USER_TURN, PAUSING, RECOGNISING). If the turn does not answer the question, it is dropped and the question stays
  open.
- The caller may type a line instead of speaking: a turn that is over at once. An open question takes it and drops the
  speech in progress (RECOGNISING, without a recogniser); otherwise it is an unasked turn.
- An utterance that begins while the caller is talking waits for them (WAITING), unless its question takes their turn.
- While the far end holds the call, nothing counts (ON_HOLD). What the caller has said before does: a hold ends their
  turn, which is recognised, and what follows from it waits until the far end resumes the call.
- A detector that judges nothing may be dead, and then nobody is silent by its verdict: the recogniser gets the caller's
  audio at once, a turn is over when its words have stopped coming, and one without words has failed.

Rules of this file:
- `MOVES` holds every transition: (floor, move) -> (next floor, actions). A pair that is not listed changes nothing.
- Moves carry the decisions: whether an utterance may be interrupted, a question is open or a key completes an answer is
  decided by `core` when it picks the move, so rows need no conditions.
- Actions are executed in the order of the row.
"""

from enum import StrEnum


class Floor(StrEnum):
    """Who has the floor."""

    IDLE = "idle"  # nothing is being said or asked: the dialog is busy
    SPEAKING = "speaking"  # the bot is speaking
    BOT_PAUSED = "bot-paused"  # the bot is paused: possible speech began over it
    WAITING = "waiting"  # the bot has something to say and lets the caller finish first
    LISTENING = "listening"  # a question is open and nobody is speaking
    MAYBE_SPEECH = "maybe-speech"  # a question is open and possible speech has begun
    USER_TURN = "user-turn"  # a question is open and the caller is speaking
    PAUSING = "pausing"  # the caller has fallen silent, but may continue
    RECOGNISING = "recognising"  # the caller's turn is over; its transcript is pending
    COLLECTING_DTMF = "collecting-dtmf"  # the caller is entering digits
    ON_HOLD = "on-hold"  # the far end holds the call: its audio is not the caller
    CLOSED = "closed"


SPEAKING = (Floor.SPEAKING, Floor.BOT_PAUSED, Floor.WAITING)
"""The bot is speaking, or wants to."""

IN_TURN = (Floor.USER_TURN, Floor.PAUSING)
"""The caller is speaking, in answer to a question."""

INACTIVE = (Floor.CLOSED, Floor.ON_HOLD)
"""All input is ignored."""


class Move(StrEnum):
    """Events that move the floor."""

    SAY = "say"  # an utterance begins and the caller is silent
    SAY_UNSURE = "say-unsure"  # … during possible speech
    SAY_LATER = "say-later"  # … while the caller speaks, and no question takes the turn
    SAY_SKIPPED = "say-skipped"  # … during the speech that interrupted the previous utterance
    SAY_IN_TURN = "say-in-turn"  # … in the middle of a turn that answers a question
    SAY_ANSWERING = "say-answering"  # … with a question that the caller is already answering
    SAY_IN_PAUSE = "say-in-pause"  # … or was answering a moment ago
    SAY_ANSWERED = "say-answered"  # … or has answered in advance
    ASK = "ask"  # a question is open, nothing is being said, and the caller is silent
    ASK_UNSURE = "ask-unsure"  # … or there is possible speech
    ASK_IN_TURN = "ask-in-turn"  # … and the caller is already answering it
    ASK_IN_PAUSE = "ask-in-pause"  # … or was a moment ago
    ASK_ANSWERED = "ask-answered"  # … or has answered it in advance
    WITHDRAW = "withdraw"  # the question is withdrawn
    PLAYED_LAST = "played-last"  # the utterance has been played to its end, and no question is open
    SPEECH = "speech"  # possible speech began
    TOO_SHORT_YET = "too-short-yet"  # confirmed speech, but not long enough to interrupt yet
    CONFIRMED = "confirmed"  # confirmed speech
    CONFIRMED_WORDLESS = "confirmed-wordless"  # confirmed speech, but only words will interrupt
    CONFIRMED_UNASKED = "confirmed-unasked"  # confirmed speech over an utterance without a question
    WORDS = "words"  # enough words to interrupt, or speech for too long to wait for them
    CLICK = "click"  # the possible speech was not speech
    UNDECIDED = "undecided"  # possible speech has gone on for too long without a decision
    SILENCE = "silence"  # the caller fell silent
    ENDPOINT = "endpoint"  # … and the turn is over
    RESUME = "resume"  # … for long enough after a click, or after words that do not interrupt
    UNASKED_OVER = "unasked-over"  # the turn that an utterance was waiting for is over
    WAITED = "waited"  # … or has gone on for too long to wait
    TOO_LONG = "too-long"  # the turn has reached its maximum length
    TRANSCRIPT = "transcript"  # the recogniser's result
    TRANSCRIPT_FIRM = "transcript-firm"  # … while an utterance that cannot be interrupted is waiting
    NOTHING_SAID = "nothing-said"  # no words, or none that count: the interrupted utterance continues
    NOTHING_SAID_UNSURE = "nothing-said-unsure"  # … but there is possible speech again
    FAILED = "failed"  # the recogniser failed or timed out
    NO_INPUT = "no-input"  # the caller said nothing for too long
    TYPED = "typed"  # a typed line that a question takes
    KEY = "key"  # a key that does not complete an answer
    CLEARED = "cleared"  # a key that drops what was entered, or another question, which may take it
    KEYED = "keyed"  # a key that completes an answer
    KEYED_UNASKED = "keyed-unasked"  # a key over an utterance without a question
    KEY_TIMEOUT = "key-timeout"  # no further key came
    CANCEL = "cancel"  # the utterance is withdrawn, and no question is open
    CANCEL_ASKED = "cancel-asked"  # … and its question stays open
    ABANDON = "abandon"  # the dialog no longer awaits the utterance and its question
    HOLD = "hold"  # the far end holds the call
    HOLD_IN_TURN = "hold-in-turn"  # … in the middle of the caller's turn, which is over then
    UNHOLD = "unhold"  # … or resumes it
    UNHOLD_ASKED = "unhold-asked"  # … and a question is open
    UNHOLD_SPEAKING = "unhold-speaking"  # … and an utterance is open
    UNHOLD_ENTERING = "unhold-entering"  # … in the middle of an entry by keys
    BLIND = "blind"  # the detector may be dead: the recogniser listens, and its words decide
    BLIND_OVER = "blind-over"  # … and no further words come
    CLOSE = "close"


class Action(StrEnum):
    """What the session does."""

    PLAY = "play"
    PAUSE = "pause"
    RESUME = "resume"  # from the point that the utterance's interruption policy names
    ABANDON_PROMPT = "abandon-prompt"  # give up the rest of the utterance; RESUME can still restore it
    RECOGNISE = "recognise"  # open a recogniser and give it the speech so far
    RECOGNISE_KEPT = "recognise-kept"  # open one for the oldest kept turn; a typed line needs none
    KEEP_TURN = "keep-turn"  # set aside the audio of an unasked turn (issued by `core`, not a row)
    DROP_TURN = "drop-turn"  # drop the oldest kept turn (issued by `core`, not a row)
    END_SPEECH = "end-speech"  # request the recogniser's result
    FORCE_FINAL = "force-final"  # request the recogniser's final of the turn so far (issued by `core`, not a row)
    VOID_FINAL = "void-final"  # … which is void: the caller goes on (issued by `core`, not a row)
    CANCEL_ASR = "cancel-asr"  # drop the recogniser
    ARM_NO_INPUT = "arm-no-input"
    ARM_ENDPOINT = "arm-endpoint"
    ARM_RESUME = "arm-resume"
    ARM_UNDECIDED = "arm-undecided"
    ARM_LONG_ENOUGH = "arm-long-enough"  # to interrupt
    ARM_SURE = "arm-sure"  # that speech interrupts whose words are not known yet
    ARM_TOO_LONG = "arm-too-long"
    ARM_RECOGNISER = "arm-recogniser"
    ARM_KEY = "arm-key"
    ARM_WAITED = "arm-waited"
    ARM_BLIND = "arm-blind"
    DISARM = "disarm"  # all timers
    DISARM_PAUSE = "disarm-pause"  # all except the maximum turn length
    FINISH = "finish"  # the exchange is over: the utterance and the question behind it
    ANSWER = "answer"  # the question is over, the utterance is not
    STOP = "stop"
    FILL = "fill"  # say a filler (issued by `core`, see `silence_tables`)
    STALL = "stall"  # give up what the caller waits for, and apologise (issued by `core`)


_A, _F, _M = Action, Floor, Move
_END_TURN = (_A.DISARM, _A.END_SPEECH, _A.ARM_RECOGNISER)
_BEGIN_TURN = (_A.RECOGNISE, _A.ARM_TOO_LONG)
_KEPT = (_A.RECOGNISE_KEPT, _A.END_SPEECH, _A.ARM_RECOGNISER)
_DROPPED = (_A.PLAY, _A.PAUSE, _A.ABANDON_PROMPT)

MOVES: dict[tuple[Floor, Move], tuple[Floor, tuple[Action, ...]]] = {
    # An utterance begins, with or without a question after it.
    (_F.IDLE, _M.SAY): (_F.SPEAKING, (_A.PLAY,)),
    (_F.IDLE, _M.SAY_UNSURE): (_F.BOT_PAUSED, (_A.PLAY, _A.PAUSE, _A.ARM_UNDECIDED)),
    (_F.IDLE, _M.SAY_LATER): (_F.WAITING, (_A.PLAY, _A.PAUSE, _A.ARM_WAITED)),
    (_F.IDLE, _M.SAY_SKIPPED): (_F.IDLE, (*_DROPPED, _A.FINISH)),
    (_F.IDLE, _M.SAY_ANSWERING): (_F.USER_TURN, (*_DROPPED, *_BEGIN_TURN)),
    (_F.IDLE, _M.SAY_IN_PAUSE): (_F.PAUSING, (*_DROPPED, *_BEGIN_TURN, _A.ARM_ENDPOINT)),
    (_F.IDLE, _M.SAY_ANSWERED): (_F.RECOGNISING, (*_DROPPED, *_KEPT)),
    (_F.LISTENING, _M.SAY): (_F.SPEAKING, (_A.DISARM, _A.PLAY)),
    (_F.MAYBE_SPEECH, _M.SAY): (_F.SPEAKING, (_A.DISARM, _A.PLAY)),
    (_F.MAYBE_SPEECH, _M.SAY_UNSURE): (_F.BOT_PAUSED, (_A.DISARM, _A.PLAY, _A.PAUSE, _A.ARM_UNDECIDED)),
    (_F.USER_TURN, _M.SAY_IN_TURN): (_F.USER_TURN, _DROPPED),
    (_F.PAUSING, _M.SAY_IN_TURN): (_F.PAUSING, _DROPPED),
    (_F.RECOGNISING, _M.SAY_IN_TURN): (_F.RECOGNISING, _DROPPED),
    (_F.COLLECTING_DTMF, _M.SAY_IN_TURN): (_F.COLLECTING_DTMF, _DROPPED),
    (_F.ON_HOLD, _M.SAY): (_F.ON_HOLD, (_A.PLAY, _A.PAUSE)),
    # The caller's turn answers a question that came while an utterance was waiting for them.
    (_F.WAITING, _M.ASK_IN_TURN): (_F.USER_TURN, (_A.DISARM, _A.ABANDON_PROMPT, *_BEGIN_TURN)),
    (_F.WAITING, _M.ASK_IN_PAUSE): (_F.PAUSING, (_A.DISARM, _A.ABANDON_PROMPT, *_BEGIN_TURN, _A.ARM_ENDPOINT)),
    (_F.WAITING, _M.UNASKED_OVER): (_F.SPEAKING, (_A.DISARM, _A.RESUME)),
    (_F.WAITING, _M.WAITED): (_F.SPEAKING, (_A.RESUME,)),
    (_F.SPEAKING, _M.PLAYED_LAST): (_F.IDLE, (_A.FINISH,)),
    # Barge-in: pause at possible speech, give the utterance up once it is confirmed, resume if it was not speech.
    (_F.SPEAKING, _M.SPEECH): (_F.BOT_PAUSED, (_A.PAUSE, _A.ARM_UNDECIDED)),
    (_F.SPEAKING, _M.TOO_SHORT_YET): (_F.BOT_PAUSED, (_A.PAUSE, _A.ARM_LONG_ENOUGH)),
    (_F.SPEAKING, _M.CONFIRMED): (_F.USER_TURN, (_A.PAUSE, _A.ABANDON_PROMPT, *_BEGIN_TURN)),
    (_F.SPEAKING, _M.CONFIRMED_UNASKED): (_F.IDLE, (_A.PAUSE, _A.ABANDON_PROMPT, _A.FINISH)),
    (_F.SPEAKING, _M.CONFIRMED_WORDLESS): (_F.USER_TURN, (_A.PAUSE, *_BEGIN_TURN, _A.ARM_SURE)),
    (_F.BOT_PAUSED, _M.SPEECH): (_F.BOT_PAUSED, (_A.DISARM, _A.ARM_UNDECIDED)),
    (_F.BOT_PAUSED, _M.TOO_SHORT_YET): (_F.BOT_PAUSED, (_A.DISARM, _A.ARM_LONG_ENOUGH)),
    (_F.BOT_PAUSED, _M.CLICK): (_F.BOT_PAUSED, (_A.DISARM, _A.ARM_RESUME)),
    (_F.BOT_PAUSED, _M.RESUME): (_F.SPEAKING, (_A.RESUME,)),
    (_F.BOT_PAUSED, _M.UNDECIDED): (_F.SPEAKING, (_A.RESUME,)),
    (_F.BOT_PAUSED, _M.CONFIRMED): (_F.USER_TURN, (_A.DISARM, _A.ABANDON_PROMPT, *_BEGIN_TURN)),
    (_F.BOT_PAUSED, _M.CONFIRMED_WORDLESS): (_F.USER_TURN, (_A.DISARM, *_BEGIN_TURN, _A.ARM_SURE)),
    (_F.BOT_PAUSED, _M.CONFIRMED_UNASKED): (_F.IDLE, (_A.DISARM, _A.ABANDON_PROMPT, _A.FINISH)),
    (_F.USER_TURN, _M.WORDS): (_F.USER_TURN, (_A.ABANDON_PROMPT,)),
    (_F.PAUSING, _M.WORDS): (_F.PAUSING, (_A.ABANDON_PROMPT,)),
    (_F.RECOGNISING, _M.WORDS): (_F.RECOGNISING, (_A.ABANDON_PROMPT,)),
    (_F.PAUSING, _M.RESUME): (_F.SPEAKING, (_A.DISARM, _A.CANCEL_ASR, _A.RESUME)),
    # The caller answers in the silence after the question.
    (_F.LISTENING, _M.SPEECH): (_F.MAYBE_SPEECH, (_A.DISARM, _A.ARM_UNDECIDED)),
    (_F.LISTENING, _M.CONFIRMED): (_F.USER_TURN, (_A.DISARM, *_BEGIN_TURN)),
    (_F.MAYBE_SPEECH, _M.CLICK): (_F.LISTENING, (_A.DISARM, _A.ARM_NO_INPUT)),
    (_F.MAYBE_SPEECH, _M.UNDECIDED): (_F.LISTENING, (_A.ARM_NO_INPUT,)),
    (_F.MAYBE_SPEECH, _M.CONFIRMED): (_F.USER_TURN, (_A.DISARM, *_BEGIN_TURN)),
    (_F.LISTENING, _M.NO_INPUT): (_F.IDLE, (_A.FINISH,)),
    # The caller's turn, its pauses, its end.
    (_F.USER_TURN, _M.SILENCE): (_F.PAUSING, (_A.ARM_ENDPOINT,)),
    (_F.USER_TURN, _M.CLICK): (_F.PAUSING, (_A.ARM_ENDPOINT,)),
    (_F.PAUSING, _M.SPEECH): (_F.USER_TURN, (_A.DISARM_PAUSE, _A.ARM_SURE)),
    (_F.PAUSING, _M.ENDPOINT): (_F.RECOGNISING, _END_TURN),
    (_F.USER_TURN, _M.ENDPOINT): (_F.RECOGNISING, _END_TURN),  # the recogniser found it, the detector did not
    (_F.USER_TURN, _M.TOO_LONG): (_F.RECOGNISING, _END_TURN),
    (_F.PAUSING, _M.TOO_LONG): (_F.RECOGNISING, _END_TURN),
    # Without a detector whatever is heard in the silence after a question may be the answer.
    (_F.LISTENING, _M.BLIND): (_F.USER_TURN, (_A.DISARM, *_BEGIN_TURN, _A.ARM_BLIND)),
    (_F.MAYBE_SPEECH, _M.BLIND): (_F.USER_TURN, (_A.DISARM, *_BEGIN_TURN, _A.ARM_BLIND)),
    (_F.USER_TURN, _M.BLIND): (_F.USER_TURN, (_A.ARM_BLIND,)),
    (_F.PAUSING, _M.BLIND): (_F.USER_TURN, (_A.DISARM_PAUSE, _A.ARM_BLIND)),
    (_F.BOT_PAUSED, _M.BLIND): (_F.SPEAKING, (_A.DISARM, _A.RESUME)),
    (_F.WAITING, _M.BLIND): (_F.SPEAKING, (_A.DISARM, _A.RESUME)),
    (_F.USER_TURN, _M.BLIND_OVER): (_F.RECOGNISING, _END_TURN),
    # The transcript.
    (_F.RECOGNISING, _M.TRANSCRIPT): (_F.IDLE, (_A.DISARM, _A.FINISH)),
    (_F.RECOGNISING, _M.TRANSCRIPT_FIRM): (_F.SPEAKING, (_A.DISARM, _A.ANSWER, _A.RESUME)),
    (_F.RECOGNISING, _M.NOTHING_SAID): (_F.SPEAKING, (_A.DISARM, _A.RESUME)),
    (_F.RECOGNISING, _M.NOTHING_SAID_UNSURE): (_F.BOT_PAUSED, (_A.DISARM, _A.ARM_UNDECIDED)),
    (_F.RECOGNISING, _M.FAILED): (_F.IDLE, (_A.DISARM, _A.CANCEL_ASR, _A.FINISH)),
}

# A question is open and nothing is being said: it was asked without an utterance, its utterance is over, or what was
# recognised is from before the question and does not answer it.
for _floor, _first in (
    (_F.IDLE, ()),
    (_F.SPEAKING, ()),
    (_F.LISTENING, (_A.DISARM,)),
    (_F.RECOGNISING, (_A.DISARM,)),
):
    MOVES[_floor, _M.ASK] = (_F.LISTENING, (*_first, _A.ARM_NO_INPUT))
    MOVES[_floor, _M.ASK_UNSURE] = (_F.MAYBE_SPEECH, (*_first, _A.ARM_UNDECIDED))
    MOVES[_floor, _M.ASK_IN_TURN] = (_F.USER_TURN, (*_first, *_BEGIN_TURN))
    MOVES[_floor, _M.ASK_IN_PAUSE] = (_F.PAUSING, (*_first, *_BEGIN_TURN, _A.ARM_ENDPOINT))
    MOVES[_floor, _M.ASK_ANSWERED] = (_F.RECOGNISING, (*_first, *_KEPT))

_ASKED = (
    _F.SPEAKING,
    _F.BOT_PAUSED,
    _F.WAITING,
    _F.LISTENING,
    _F.MAYBE_SPEECH,
    _F.USER_TURN,
    _F.PAUSING,
    _F.RECOGNISING,
    _F.COLLECTING_DTMF,
)
_GIVE_UP = (_A.DISARM, _A.PAUSE, _A.ABANDON_PROMPT, _A.CANCEL_ASR)

# Keys take precedence over speech whenever a question is open.
for _floor in _ASKED:
    MOVES[_floor, _M.KEY] = (_F.COLLECTING_DTMF, (*_GIVE_UP, _A.ARM_KEY))
    MOVES[_floor, _M.KEYED] = (_F.IDLE, (*_GIVE_UP, _A.FINISH))
    MOVES[_floor, _M.ABANDON] = (_F.IDLE, _GIVE_UP)
    if _floor is not _F.RECOGNISING:  # the caller's turn, which is over and comes first
        MOVES[_floor, _M.TYPED] = (_F.RECOGNISING, (*_GIVE_UP, *_KEPT))
MOVES[_F.COLLECTING_DTMF, _M.KEY_TIMEOUT] = (_F.IDLE, (_A.FINISH,))
MOVES[_F.COLLECTING_DTMF, _M.CLEARED] = (_F.LISTENING, (_A.DISARM, _A.ARM_NO_INPUT))
MOVES[_F.ON_HOLD, _M.ABANDON] = (_F.IDLE, _GIVE_UP)

# An utterance or a question is withdrawn on its own.
for _floor in SPEAKING:
    MOVES[_floor, _M.KEYED_UNASKED] = (_F.IDLE, (_A.DISARM, _A.PAUSE, _A.ABANDON_PROMPT, _A.FINISH))
    MOVES[_floor, _M.CANCEL] = (_F.IDLE, (_A.DISARM, _A.PAUSE, _A.ABANDON_PROMPT))
    MOVES[_floor, _M.CANCEL_ASKED] = (_F.LISTENING, (_A.DISARM, _A.PAUSE, _A.ABANDON_PROMPT, _A.ARM_NO_INPUT))
for _floor in (_F.LISTENING, _F.MAYBE_SPEECH, _F.USER_TURN, _F.PAUSING, _F.RECOGNISING, _F.COLLECTING_DTMF):
    MOVES[_floor, _M.WITHDRAW] = (_F.IDLE, (_A.DISARM, _A.CANCEL_ASR))

for _floor in _ASKED:
    if _floor is not _F.RECOGNISING:  # the caller's turn, which is over
        MOVES[_floor, _M.HOLD] = (_F.ON_HOLD, (_A.DISARM, _A.PAUSE, _A.CANCEL_ASR))
for _floor in IN_TURN:
    MOVES[_floor, _M.HOLD_IN_TURN] = (_F.RECOGNISING, _END_TURN)
MOVES[_F.IDLE, _M.HOLD] = (_F.ON_HOLD, ())
MOVES[_F.ON_HOLD, _M.UNHOLD] = (_F.IDLE, ())
MOVES[_F.ON_HOLD, _M.UNHOLD_ASKED] = (_F.LISTENING, (_A.ARM_NO_INPUT,))
MOVES[_F.ON_HOLD, _M.UNHOLD_SPEAKING] = (_F.SPEAKING, (_A.RESUME,))
MOVES[_F.ON_HOLD, _M.UNHOLD_ENTERING] = (_F.COLLECTING_DTMF, (_A.ARM_KEY,))

for _floor in Floor:
    if _floor is not _F.CLOSED:
        MOVES[_floor, _M.CLOSE] = (_F.CLOSED, (_A.DISARM, _A.CANCEL_ASR, _A.STOP))

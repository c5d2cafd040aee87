"""The floor: turns, barge-in, and who may speak when. Only the table; `core` runs it.

Theory of operation. A conversation has at most one *utterance* of the bot and one *question* that are open. The floor
says which of the two the call is busy with, and what the caller does about it:

- The bot speaks (SPEAKING). At the first sign of speech it falls silent (BOT_PAUSED): a click resumes it, speech that
  is confirmed takes the floor (USER_TURN).
- A question is open. In the silence after the utterance the bot waits (LISTENING); something that may be speech is
  waited for (MAYBE_SPEECH); speech is a turn (USER_TURN) with pauses in it (PAUSING), and when the endpointing policy
  says that it is over, its words are recognised (RECOGNISING). Keys beat speech (COLLECTING_DTMF).
- No question is open (IDLE, or SPEAKING). What the caller says then is a turn, too. `unasked` keeps it, beside this
  table, until a question takes it: from IDLE, or behind an utterance, the floor goes straight to where the turn is
  (USER_TURN, PAUSING, RECOGNISING). What does not answer that question is forgotten, and the question goes on.
- An utterance that begins while the caller talks waits for them (WAITING), unless a question takes their turn.
- While the far end holds the call nothing counts (ON_HOLD).

Rules of this file:
- `MOVES` holds every transition: (floor, move) -> (next floor, actions). A pair that is not there changes nothing.
- A move is already judged: whether an utterance may be interrupted, whether a question is open or a key completes an
  answer is decided by `core` when it names the move, so that a row needs no conditions.
- Actions are done in the order of the row.
"""

from enum import StrEnum


class Floor(StrEnum):
    """Who has the floor."""

    IDLE = "idle"  # nothing is being said or asked: the dialog is thinking
    SPEAKING = "speaking"  # the bot speaks
    BOT_PAUSED = "bot-paused"  # the bot's words are paused: something that may be speech began over them
    WAITING = "waiting"  # the bot has something to say, and lets the caller end first
    LISTENING = "listening"  # asked, and nobody speaks
    MAYBE_SPEECH = "maybe-speech"  # asked, and something that may be speech began
    USER_TURN = "user-turn"  # asked, and the caller speaks
    PAUSING = "pausing"  # the caller has fallen silent, perhaps to go on
    RECOGNISING = "recognising"  # the caller's turn is over; its words are not known yet
    COLLECTING_DTMF = "collecting-dtmf"  # the caller is entering digits
    ON_HOLD = "on-hold"  # the far end holds the call: what comes is music, not the caller
    CLOSED = "closed"


class Move(StrEnum):
    """What can happen to the floor."""

    SAY = "say"  # an utterance begins and the caller is silent
    SAY_UNSURE = "say-unsure"  # … while something that may be speech is going on
    SAY_LATER = "say-later"  # … while the caller speaks, and no question takes what they say
    SAY_SKIPPED = "say-skipped"  # … with the speech that has interrupted the utterance before this one
    SAY_IN_TURN = "say-in-turn"  # … in the middle of a turn that answers a question
    SAY_ANSWERING = "say-answering"  # … with a question that the caller is already answering
    SAY_IN_PAUSE = "say-in-pause"  # … or was answering a moment ago
    SAY_ANSWERED = "say-answered"  # … or has answered before it was asked
    ASK = "ask"  # a question is open, nothing is being said, and the caller is silent
    ASK_UNSURE = "ask-unsure"  # … perhaps
    ASK_IN_TURN = "ask-in-turn"  # … and the caller is already answering it
    ASK_IN_PAUSE = "ask-in-pause"  # … or was a moment ago
    ASK_ANSWERED = "ask-answered"  # … or has answered before it was asked
    WITHDRAW = "withdraw"  # the question is no longer asked
    PLAYED_LAST = "played-last"  # the utterance has been said to its end, and nothing is asked
    SPEECH = "speech"  # speech may have begun
    TOO_SHORT_YET = "too-short-yet"  # it is speech, but not yet long enough to interrupt
    CONFIRMED = "confirmed"  # it is speech
    CONFIRMED_WORDLESS = "confirmed-wordless"  # it is speech, but only words will interrupt
    CONFIRMED_UNASKED = "confirmed-unasked"  # it is speech, over an utterance without a question
    WORDS = "words"  # enough of them to interrupt
    CLICK = "click"  # what began was not speech after all
    UNDECIDED = "undecided"  # what began has for too long been neither
    SILENCE = "silence"  # the caller fell silent
    ENDPOINT = "endpoint"  # … and the turn is over
    RESUME = "resume"  # … for as long as the bot waits after a click
    UNASKED_OVER = "unasked-over"  # the turn that an utterance has waited for is over
    WAITED = "waited"  # … or has lasted too long to wait for
    TOO_LONG = "too-long"  # the caller has spoken for longer than a turn may last
    TRANSCRIPT = "transcript"  # the recogniser's answer
    TRANSCRIPT_FIRM = "transcript-firm"  # … and an utterance that must be said is waiting
    NOTHING_SAID = "nothing-said"  # no words, or none that count: the utterance that was cut goes on
    NOTHING_SAID_UNSURE = "nothing-said-unsure"  # … but perhaps the caller is speaking again
    FAILED = "failed"  # the recogniser failed, or did not answer in time
    NO_INPUT = "no-input"  # the caller said nothing for too long
    KEY = "key"  # a key that is not yet an answer
    KEYED = "keyed"  # a key that completes one
    KEYED_UNASKED = "keyed-unasked"  # a key over an utterance without a question
    KEY_TIMEOUT = "key-timeout"  # no further key came
    CANCEL = "cancel"  # the utterance is withdrawn, and nothing is asked
    CANCEL_ASKED = "cancel-asked"  # … and the question behind it stays
    ABANDON = "abandon"  # the dialog no longer waits for the utterance and its question
    HOLD = "hold"  # the far end holds the call
    UNHOLD = "unhold"  # … no longer
    UNHOLD_ASKED = "unhold-asked"  # … and a question is open
    UNHOLD_SPEAKING = "unhold-speaking"  # … and an utterance is
    CLOSE = "close"


class Action(StrEnum):
    """What is done about it."""

    PLAY = "play"
    PAUSE = "pause"
    RESUME = "resume"  # from where the utterance's interruption says
    ABANDON_PROMPT = "abandon-prompt"  # give the rest of the utterance up; RESUME can still bring it back
    RECOGNISE = "recognise"  # open a recogniser and give it the speech so far
    RECOGNISE_KEPT = "recognise-kept"  # open one for the turn that was kept first
    KEEP_TURN = "keep-turn"  # put the audio of a turn aside that nobody has asked for yet (from `core`, not a row)
    DROP_TURN = "drop-turn"  # forget the turn that was kept first (from `core`, not a row)
    END_SPEECH = "end-speech"  # ask the recogniser for its answer
    CANCEL_ASR = "cancel-asr"  # drop the recogniser
    ARM_NO_INPUT = "arm-no-input"
    ARM_ENDPOINT = "arm-endpoint"
    ARM_RESUME = "arm-resume"
    ARM_UNDECIDED = "arm-undecided"
    ARM_LONG_ENOUGH = "arm-long-enough"  # to interrupt
    ARM_TOO_LONG = "arm-too-long"
    ARM_RECOGNISER = "arm-recogniser"
    ARM_KEY = "arm-key"
    ARM_WAITED = "arm-waited"
    DISARM = "disarm"  # all timers
    DISARM_PAUSE = "disarm-pause"  # all but the limit of the turn's length
    FINISH = "finish"  # the exchange is over: the utterance and the question behind it
    ANSWER = "answer"  # the question is over, the utterance is not
    STOP = "stop"


_A, _F, _M = Action, Floor, Move
_END_TURN = (_A.DISARM, _A.END_SPEECH, _A.ARM_RECOGNISER)
_BEGIN_TURN = (_A.RECOGNISE, _A.ARM_TOO_LONG)
_KEPT = (_A.RECOGNISE_KEPT, _A.END_SPEECH, _A.ARM_RECOGNISER)
_DROPPED = (_A.PLAY, _A.PAUSE, _A.ABANDON_PROMPT)

MOVES: dict[tuple[Floor, Move], tuple[Floor, tuple[Action, ...]]] = {
    # An utterance begins, with or without a question behind it.
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
    # What the caller has been saying answers the question that came while an utterance waited for them.
    (_F.WAITING, _M.ASK_IN_TURN): (_F.USER_TURN, (_A.DISARM, _A.ABANDON_PROMPT, *_BEGIN_TURN)),
    (_F.WAITING, _M.ASK_IN_PAUSE): (_F.PAUSING, (_A.DISARM, _A.ABANDON_PROMPT, *_BEGIN_TURN, _A.ARM_ENDPOINT)),
    (_F.WAITING, _M.UNASKED_OVER): (_F.SPEAKING, (_A.DISARM, _A.RESUME)),
    (_F.WAITING, _M.WAITED): (_F.SPEAKING, (_A.RESUME,)),
    (_F.SPEAKING, _M.PLAYED_LAST): (_F.IDLE, (_A.FINISH,)),
    # Barge-in: paused at the first sign, given up when it is speech, resumed when it was not.
    (_F.SPEAKING, _M.SPEECH): (_F.BOT_PAUSED, (_A.PAUSE, _A.ARM_UNDECIDED)),
    (_F.SPEAKING, _M.TOO_SHORT_YET): (_F.BOT_PAUSED, (_A.PAUSE, _A.ARM_LONG_ENOUGH)),
    (_F.SPEAKING, _M.CONFIRMED): (_F.USER_TURN, (_A.PAUSE, _A.ABANDON_PROMPT, *_BEGIN_TURN)),
    (_F.SPEAKING, _M.CONFIRMED_UNASKED): (_F.IDLE, (_A.PAUSE, _A.ABANDON_PROMPT, _A.FINISH)),
    (_F.SPEAKING, _M.CONFIRMED_WORDLESS): (_F.USER_TURN, (_A.PAUSE, *_BEGIN_TURN)),
    (_F.BOT_PAUSED, _M.SPEECH): (_F.BOT_PAUSED, (_A.DISARM, _A.ARM_UNDECIDED)),
    (_F.BOT_PAUSED, _M.TOO_SHORT_YET): (_F.BOT_PAUSED, (_A.DISARM, _A.ARM_LONG_ENOUGH)),
    (_F.BOT_PAUSED, _M.CLICK): (_F.BOT_PAUSED, (_A.DISARM, _A.ARM_RESUME)),
    (_F.BOT_PAUSED, _M.RESUME): (_F.SPEAKING, (_A.RESUME,)),
    (_F.BOT_PAUSED, _M.UNDECIDED): (_F.SPEAKING, (_A.RESUME,)),
    (_F.BOT_PAUSED, _M.CONFIRMED): (_F.USER_TURN, (_A.DISARM, _A.ABANDON_PROMPT, *_BEGIN_TURN)),
    (_F.BOT_PAUSED, _M.CONFIRMED_WORDLESS): (_F.USER_TURN, (_A.DISARM, *_BEGIN_TURN)),
    (_F.BOT_PAUSED, _M.CONFIRMED_UNASKED): (_F.IDLE, (_A.DISARM, _A.ABANDON_PROMPT, _A.FINISH)),
    (_F.USER_TURN, _M.WORDS): (_F.USER_TURN, (_A.ABANDON_PROMPT,)),
    (_F.PAUSING, _M.WORDS): (_F.PAUSING, (_A.ABANDON_PROMPT,)),
    (_F.RECOGNISING, _M.WORDS): (_F.RECOGNISING, (_A.ABANDON_PROMPT,)),
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
    (_F.PAUSING, _M.SPEECH): (_F.USER_TURN, (_A.DISARM_PAUSE,)),
    (_F.PAUSING, _M.ENDPOINT): (_F.RECOGNISING, _END_TURN),
    (_F.USER_TURN, _M.TOO_LONG): (_F.RECOGNISING, _END_TURN),
    (_F.PAUSING, _M.TOO_LONG): (_F.RECOGNISING, _END_TURN),
    # What was said.
    (_F.RECOGNISING, _M.TRANSCRIPT): (_F.IDLE, (_A.DISARM, _A.FINISH)),
    (_F.RECOGNISING, _M.TRANSCRIPT_FIRM): (_F.SPEAKING, (_A.DISARM, _A.ANSWER, _A.RESUME)),
    (_F.RECOGNISING, _M.NOTHING_SAID): (_F.SPEAKING, (_A.DISARM, _A.RESUME)),
    (_F.RECOGNISING, _M.NOTHING_SAID_UNSURE): (_F.BOT_PAUSED, (_A.DISARM, _A.ARM_UNDECIDED)),
    (_F.RECOGNISING, _M.FAILED): (_F.IDLE, (_A.DISARM, _A.CANCEL_ASR, _A.FINISH)),
}

# A question is open and nothing is being said: it was asked so, the utterance before it is over, or what was recognised
# came from before the question and does not answer it.
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

# Keys beat speech wherever something is asked.
for _floor in _ASKED:
    MOVES[_floor, _M.KEY] = (_F.COLLECTING_DTMF, (*_GIVE_UP, _A.ARM_KEY))
    MOVES[_floor, _M.KEYED] = (_F.IDLE, (*_GIVE_UP, _A.FINISH))
    MOVES[_floor, _M.ABANDON] = (_F.IDLE, _GIVE_UP)
MOVES[_F.COLLECTING_DTMF, _M.KEY_TIMEOUT] = (_F.IDLE, (_A.FINISH,))
MOVES[_F.ON_HOLD, _M.ABANDON] = (_F.IDLE, _GIVE_UP)

# An utterance, or a question, is withdrawn by itself.
for _floor in (_F.SPEAKING, _F.BOT_PAUSED, _F.WAITING):
    MOVES[_floor, _M.KEYED_UNASKED] = (_F.IDLE, (_A.DISARM, _A.PAUSE, _A.ABANDON_PROMPT, _A.FINISH))
    MOVES[_floor, _M.CANCEL] = (_F.IDLE, (_A.DISARM, _A.PAUSE, _A.ABANDON_PROMPT))
    MOVES[_floor, _M.CANCEL_ASKED] = (_F.LISTENING, (_A.DISARM, _A.PAUSE, _A.ABANDON_PROMPT, _A.ARM_NO_INPUT))
for _floor in (_F.LISTENING, _F.MAYBE_SPEECH, _F.USER_TURN, _F.PAUSING, _F.RECOGNISING, _F.COLLECTING_DTMF):
    MOVES[_floor, _M.WITHDRAW] = (_F.IDLE, (_A.DISARM, _A.CANCEL_ASR))

for _floor in _ASKED:
    if _floor is not _F.RECOGNISING:  # that turn was the caller's, and is over
        MOVES[_floor, _M.HOLD] = (_F.ON_HOLD, (_A.DISARM, _A.PAUSE, _A.CANCEL_ASR))
MOVES[_F.IDLE, _M.HOLD] = (_F.ON_HOLD, ())
MOVES[_F.ON_HOLD, _M.UNHOLD] = (_F.IDLE, ())
MOVES[_F.ON_HOLD, _M.UNHOLD_ASKED] = (_F.LISTENING, (_A.ARM_NO_INPUT,))
MOVES[_F.ON_HOLD, _M.UNHOLD_SPEAKING] = (_F.SPEAKING, (_A.RESUME,))

for _floor in Floor:
    if _floor is not _F.CLOSED:
        MOVES[_floor, _M.CLOSE] = (_F.CLOSED, (_A.DISARM, _A.CANCEL_ASR, _A.STOP))

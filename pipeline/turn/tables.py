"""The floor: who speaks, who listens, and what moves it. Only the table; `core` runs it.

Rules of this file:
- `MOVES` holds every transition: (floor, move) -> (next floor, actions). A pair that is not there changes nothing.
- A move is already judged: whether a prompt may be interrupted, whether a question is open or a key completes an
  answer is decided by `core` when it names the move, so that a row needs no conditions.
- Actions are done in the order of the row.
"""

from enum import StrEnum


class Floor(StrEnum):
    """Who has the floor."""

    IDLE = "idle"  # nothing is being said or asked: the dialog is thinking
    SPEAKING = "speaking"  # the bot speaks
    HELD = "held"  # the bot's words are paused: something that may be speech began over them
    LISTENING = "listening"  # asked, and nobody speaks
    PERHAPS = "perhaps"  # asked, and something that may be speech began
    CALLER = "caller"  # the caller speaks
    PAUSING = "pausing"  # the caller has fallen silent, perhaps to go on
    RECOGNISING = "recognising"  # the caller's turn is over; its words are not known yet
    KEYING = "keying"  # the caller is entering digits
    CLOSED = "closed"


class Move(StrEnum):
    """What can happen to the floor."""

    BEGIN = "begin"  # a step begins and the caller is silent
    BEGIN_UNSURE = "begin-unsure"  # … while something that may be speech is going on
    BEGIN_TALKED_OVER = "begin-talked-over"  # … while the caller is speaking
    BEGIN_SKIPPED = "begin-skipped"  # … with the speech that has interrupted the prompt before this one
    BEGIN_LISTENING = "begin-listening"  # a step without a prompt begins
    SPOKEN = "spoken"  # the prompt has been said to its end, and a question stands behind it
    SPOKEN_TALKED_OVER = "spoken-talked-over"  # … which the caller is already answering
    SPOKEN_UNSURE = "spoken-unsure"  # … perhaps
    SPOKEN_LAST = "spoken-last"  # the prompt has been said to its end, and nothing is asked
    SPEECH = "speech"  # speech may have begun
    CONFIRMED = "confirmed"  # it is speech
    CONFIRMED_UNASKED = "confirmed-unasked"  # it is speech, over a prompt without a question
    CLICK = "click"  # what began was not speech after all
    UNDECIDED = "undecided"  # what began has for too long been neither
    SILENCE = "silence"  # the caller fell silent
    ENDPOINT = "endpoint"  # … for as long as ends a turn
    RESUME = "resume"  # … for as long as the bot waits after a click
    TOO_LONG = "too-long"  # the caller has spoken for longer than a turn may last
    TRANSCRIPT = "transcript"  # the recogniser's answer
    NOTHING_SAID = "nothing-said"  # it heard no words, over a prompt that was cut: a cough after all
    NOTHING_SAID_TALKED_OVER = "nothing-said-talked-over"  # … and the caller is speaking again
    NOTHING_SAID_UNSURE = "nothing-said-unsure"  # … perhaps
    FAILED = "failed"  # it failed, or did not answer in time
    NO_INPUT = "no-input"  # the caller said nothing for too long
    KEY = "key"  # a key that is not yet an answer
    KEYED = "keyed"  # a key that completes one
    KEY_TIMEOUT = "key-timeout"  # no further key came
    ABANDON = "abandon"  # the dialog no longer waits for the step
    CLOSE = "close"


class Action(StrEnum):
    """What is done about it."""

    PLAY = "play"
    PAUSE = "pause"
    GO_ON = "go-on"  # from the start of the word that was cut
    DROP = "drop"  # give the rest of the prompt up
    RECOGNISE = "recognise"  # open a recogniser and give it the speech so far
    END_SPEECH = "end-speech"  # ask the recogniser for its answer
    FORGET = "forget"  # drop the recogniser
    ARM_NO_INPUT = "arm-no-input"
    ARM_ENDPOINT = "arm-endpoint"
    ARM_RESUME = "arm-resume"
    ARM_UNDECIDED = "arm-undecided"
    ARM_TOO_LONG = "arm-too-long"
    ARM_RECOGNISER = "arm-recogniser"
    ARM_KEY = "arm-key"
    DISARM = "disarm"  # all timers
    DISARM_TURN = "disarm-turn"  # all but the limit of the turn's length
    FINISH = "finish"  # the step is over
    STOP = "stop"


_A, _F, _M = Action, Floor, Move

MOVES: dict[tuple[Floor, Move], tuple[Floor, tuple[Action, ...]]] = {
    # A step begins.
    (_F.IDLE, _M.BEGIN): (_F.SPEAKING, (_A.PLAY,)),
    (_F.IDLE, _M.BEGIN_UNSURE): (_F.HELD, (_A.PLAY, _A.PAUSE, _A.ARM_UNDECIDED)),
    (_F.IDLE, _M.BEGIN_TALKED_OVER): (_F.CALLER, (_A.PLAY, _A.PAUSE, _A.DROP, _A.RECOGNISE, _A.ARM_TOO_LONG)),
    (_F.IDLE, _M.BEGIN_SKIPPED): (_F.IDLE, (_A.PLAY, _A.PAUSE, _A.DROP, _A.FINISH)),
    (_F.IDLE, _M.BEGIN_LISTENING): (_F.LISTENING, (_A.ARM_NO_INPUT,)),
    (_F.IDLE, _M.SPOKEN_UNSURE): (_F.PERHAPS, (_A.ARM_UNDECIDED,)),
    (_F.IDLE, _M.SPOKEN_TALKED_OVER): (_F.CALLER, (_A.RECOGNISE, _A.ARM_TOO_LONG)),
    # The prompt is said.
    (_F.SPEAKING, _M.SPOKEN): (_F.LISTENING, (_A.ARM_NO_INPUT,)),
    (_F.SPEAKING, _M.SPOKEN_UNSURE): (_F.PERHAPS, (_A.ARM_UNDECIDED,)),
    (_F.SPEAKING, _M.SPOKEN_TALKED_OVER): (_F.CALLER, (_A.RECOGNISE, _A.ARM_TOO_LONG)),
    (_F.SPEAKING, _M.SPOKEN_LAST): (_F.IDLE, (_A.FINISH,)),
    # Barge-in: paused at the first sign, dropped when it is speech, resumed when it was not.
    (_F.SPEAKING, _M.SPEECH): (_F.HELD, (_A.PAUSE, _A.ARM_UNDECIDED)),
    (_F.SPEAKING, _M.CONFIRMED): (_F.CALLER, (_A.PAUSE, _A.DROP, _A.RECOGNISE, _A.ARM_TOO_LONG)),
    (_F.HELD, _M.SPEECH): (_F.HELD, (_A.DISARM, _A.ARM_UNDECIDED)),
    (_F.HELD, _M.CLICK): (_F.HELD, (_A.DISARM, _A.ARM_RESUME)),
    (_F.HELD, _M.RESUME): (_F.SPEAKING, (_A.GO_ON,)),
    (_F.HELD, _M.UNDECIDED): (_F.SPEAKING, (_A.GO_ON,)),
    (_F.HELD, _M.CONFIRMED): (_F.CALLER, (_A.DISARM, _A.DROP, _A.RECOGNISE, _A.ARM_TOO_LONG)),
    (_F.HELD, _M.CONFIRMED_UNASKED): (_F.IDLE, (_A.DISARM, _A.DROP, _A.FINISH)),
    # The caller answers in the silence after the question.
    (_F.LISTENING, _M.SPEECH): (_F.PERHAPS, (_A.DISARM, _A.ARM_UNDECIDED)),
    (_F.LISTENING, _M.CONFIRMED): (_F.CALLER, (_A.DISARM, _A.RECOGNISE, _A.ARM_TOO_LONG)),
    (_F.PERHAPS, _M.CLICK): (_F.LISTENING, (_A.DISARM, _A.ARM_NO_INPUT)),
    (_F.PERHAPS, _M.UNDECIDED): (_F.LISTENING, (_A.ARM_NO_INPUT,)),
    (_F.PERHAPS, _M.CONFIRMED): (_F.CALLER, (_A.DISARM, _A.RECOGNISE, _A.ARM_TOO_LONG)),
    (_F.LISTENING, _M.NO_INPUT): (_F.IDLE, (_A.FINISH,)),
    # The caller's turn, its pauses, its end.
    (_F.CALLER, _M.SILENCE): (_F.PAUSING, (_A.ARM_ENDPOINT,)),
    (_F.CALLER, _M.CLICK): (_F.PAUSING, (_A.ARM_ENDPOINT,)),
    (_F.PAUSING, _M.SPEECH): (_F.CALLER, (_A.DISARM_TURN,)),
    (_F.PAUSING, _M.ENDPOINT): (_F.RECOGNISING, (_A.DISARM, _A.END_SPEECH, _A.ARM_RECOGNISER)),
    (_F.CALLER, _M.TOO_LONG): (_F.RECOGNISING, (_A.DISARM, _A.END_SPEECH, _A.ARM_RECOGNISER)),
    (_F.PAUSING, _M.TOO_LONG): (_F.RECOGNISING, (_A.DISARM, _A.END_SPEECH, _A.ARM_RECOGNISER)),
    # What was said.
    (_F.RECOGNISING, _M.TRANSCRIPT): (_F.IDLE, (_A.DISARM, _A.FINISH)),
    (_F.RECOGNISING, _M.NOTHING_SAID): (_F.SPEAKING, (_A.DISARM, _A.GO_ON)),
    (_F.RECOGNISING, _M.NOTHING_SAID_TALKED_OVER): (_F.CALLER, (_A.DISARM, _A.RECOGNISE, _A.ARM_TOO_LONG)),
    (_F.RECOGNISING, _M.NOTHING_SAID_UNSURE): (_F.HELD, (_A.DISARM, _A.ARM_UNDECIDED)),
    (_F.RECOGNISING, _M.FAILED): (_F.IDLE, (_A.DISARM, _A.FORGET, _A.FINISH)),
}

_ASKED = (
    _F.SPEAKING,
    _F.HELD,
    _F.LISTENING,
    _F.PERHAPS,
    _F.CALLER,
    _F.PAUSING,
    _F.RECOGNISING,
    _F.KEYING,
)

# Keys beat speech wherever something is asked.
for _floor in _ASKED:
    MOVES[_floor, _M.KEY] = (_F.KEYING, (_A.DISARM, _A.PAUSE, _A.DROP, _A.FORGET, _A.ARM_KEY))
    MOVES[_floor, _M.KEYED] = (_F.IDLE, (_A.DISARM, _A.PAUSE, _A.DROP, _A.FORGET, _A.FINISH))
    MOVES[_floor, _M.ABANDON] = (_F.IDLE, (_A.DISARM, _A.PAUSE, _A.DROP, _A.FORGET))
MOVES[_F.KEYING, _M.KEY_TIMEOUT] = (_F.IDLE, (_A.FINISH,))

for _floor in Floor:
    if _floor is not _F.CLOSED:
        MOVES[_floor, _M.CLOSE] = (_F.CLOSED, (_A.DISARM, _A.FORGET, _A.STOP))

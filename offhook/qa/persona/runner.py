"""A persona in a call: events and `now` in, commands out, as of any `Runner`. Pure.

Theory of operation. The persona listens until the far end has spoken and paused, or has been silent for long; does what
was decided; and listens again. Played by a model (`AskingRunner`), it asks what to do (`Ask`), and asks anew if the far
end goes on before it was told: who speaks is heard out. Replayed (`ReplayRunner`), it does what is recorded once it has
heard what it heard then; where it hears something else, that is `persona_diverged`, and ends the call.

A turn that the persona spoke into is cut off: it is told to the model, and is neither answered nor compared.
"""

import math
from collections.abc import Generator, Sequence
from dataclasses import replace
from itertools import pairwise

from offhook.qa.persona.likeness import ENOUGH, likeness
from offhook.qa.script.events import Ask, BotBegan, BotSpoke, Decided, Ended, Event
from offhook.qa.script.persona import Exchange, Heard, Persona
from offhook.qa.script.runner import Course, Failure, Runner, Until, is_speech
from offhook.qa.script.steps import Interrupt, Press, Say, Step

SILENCE_S = 10.0
"""A silence after which the persona does something, without having heard anything."""

PATIENCE_S = 3.0
"""How long a replayed persona waits for the rest of what it heard when it was recorded."""

CUT_OFF_S = 1.5
"""A turn that ends so soon after the persona has begun to speak was cut off by it."""

IN_CIRCLES = 3
"""So many exchanges of the same words lead nowhere."""

MAX_HEARD_CHARS = 2_000
SHOWN_CHARS = 300

_Hearing = Generator[Until, Event | None, Heard]


class PersonaRunner(Runner):
    """What both have in common: to listen, and to act."""

    def __init__(self) -> None:
        super().__init__()
        self._exchanges: list[Exchange] = []
        self._own_began_s = self._own_ended_s = 0.0

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """What was heard and done so far."""
        return tuple(self._exchanges)

    def start(self, now: float) -> None:
        """See Runner."""
        self._own_began_s = self._own_ended_s = now
        self._step = 0
        super().start(now)

    def heard(self) -> Heard:
        """What was heard since the last exchange."""
        turns = self._turns()
        said, cut_off = ([each for each in turns if self._is_cut(each) is cut] for cut in (False, True))
        return Heard(_texts(said), _texts(cut_off))

    def _turns(self) -> list[BotSpoke]:
        return [each for each in self._spoke if each.turn >= self._taken]

    def _is_cut(self, turn: BotSpoke) -> bool:
        return turn.began_s < self._own_began_s and turn.ended_s < self._own_began_s + CUT_OFF_S

    def _hear(self) -> _Hearing:
        """Until the far end has spoken, later than the persona, and paused; or a long silence."""
        while not self._silent_for(SILENCE_S):
            answerable = [each for each in self._turns() if not self._is_cut(each)]
            if not self._speaking and any(each.ended_s > self._own_ended_s for each in answerable):
                break
            yield Until(is_speech, self._silent_at(SILENCE_S))
        return self.heard()

    def _silent_at(self, seconds: float) -> float:
        """When it will have been silent for so long, if nothing more comes."""
        return math.inf if self._speaking else max(self._last_sound_s, self._own_ended_s) + seconds

    def _silent_for(self, seconds: float) -> bool:
        return self._now >= self._silent_at(seconds)

    def _act(self, exchange: Exchange) -> Course:
        self._exchanges.append(exchange)
        self._step = len(self._exchanges)
        self._taken = len(self._began)
        for step in exchange.steps:
            failure = yield from self._do(step)
            if failure is not None:
                return failure
        return None

    def _do(self, step: Step) -> Course:
        match step:
            case Interrupt(speech=speech, keys=keys):
                yield from self._until_interrupting(step)
                return (yield from self._do(Press(keys) if speech is None else Say(speech)))
            case Say() | Press():
                self._own_began_s = self._now
                failure = yield from self._run(step)
                self._own_ended_s = self._now
                return failure
            case _:
                return (yield from self._run(step))

    def _until_interrupting(self, step: Interrupt) -> Generator[Until, Event | None, None]:
        """Until so long after the far end has begun; who waits in vain for that speaks all the same."""
        deadline_s = self._now + step.within_ms / 1_000
        while len(self._began) <= self._taken and self._now < deadline_s:
            yield Until(lambda event: isinstance(event, BotBegan), deadline_s)
        if len(self._began) > self._taken:
            yield from self._pass(max(0.0, self._began[self._taken].at_s + step.after_ms / 1_000 - self._now))

    def _hung_up(self, ended: Ended) -> Failure | None:
        """The far end may hang up: whether it should have is judged by what is expected."""
        return None if ended.by == "bot" else self._fail("the call was lost", ended.why, "ended")


class AskingRunner(PersonaRunner):
    """A persona whom a model plays."""

    def __init__(self, persona: Persona) -> None:
        super().__init__()
        self._persona = persona
        self._asked = 0

    def _course(self) -> Course:
        turns = self._persona.turns
        while len(self._exchanges) < turns:
            heard = yield from self._hear()
            decided = yield from self._ask(heard)
            if decided is None:
                continue
            failure = yield from self._act(Exchange(heard, decided.steps, decided.answers))
            if failure is not None:
                return failure
            if _in_circles(self._exchanges[-IN_CIRCLES:]):
                why = f"the same was heard and said {IN_CIRCLES} times: {_shown(heard)}"
                return self._fail("the persona and the bot go round in circles", why, "persona_loops")
        why = f"it has answered {turns} times; more are allowed by `limits: {{turns: {2 * turns}}}`"
        return self._fail("the persona came to no end", why, "persona_turns")

    def _ask(self, heard: Heard) -> Generator[Until, Event | None, Decided | None]:
        """What it does; None if the far end goes on speaking before that is known."""
        self._asked += 1
        is_last = len(self._exchanges) + 1 == self._persona.turns
        self._commands.append(Ask(self._asked, heard, self.exchanges, is_last))
        event = yield Until(self._is_answer, math.inf)
        return event if isinstance(event, Decided) else None

    def _is_answer(self, event: Event) -> bool:
        return isinstance(event, BotBegan) or (isinstance(event, Decided) and event.number == self._asked)


class ReplayRunner(PersonaRunner):
    """A persona who does what was recorded, as far as that fits."""

    def __init__(self, recorded: Sequence[Exchange]) -> None:
        super().__init__()
        self._recorded = recorded

    def _course(self) -> Course:
        for recorded in self._recorded:
            heard = yield from self._hear_as(recorded.heard)
            if likeness(heard.said, recorded.heard.said) < ENOUGH:
                return self._diverged("the bot says something else", _shown(heard), _shown(recorded.heard))
            failure = yield from self._act(replace(recorded, heard=heard))
            if failure is not None:
                return failure
        while not self._silent_for(SILENCE_S):
            yield Until(is_speech, self._silent_at(SILENCE_S))
        return self._diverged("the bot does not hang up", _shown(self.heard()), "it hung up")

    def _hear_as(self, recorded: Heard) -> _Hearing:
        """The turns that were heard then; fewer or others, if no more come."""
        heard = yield from self._hear()
        while len(heard.said) < len(recorded.said) or likeness(heard.said, recorded.said) < ENOUGH:
            if self._silent_for(PATIENCE_S):
                break
            yield Until(is_speech, self._silent_at(PATIENCE_S))
            heard = self.heard()
        return heard

    def _diverged(self, what: str, now: str, then: str) -> Failure:
        turn = len(self._exchanges) + 1
        why = f"now: {now}; when it was recorded: {then}; if that is right, record it anew: --record-personas"
        return self._fail(f"the persona's turn {turn} fits no more: {what}", why, "persona_diverged")

    def _hung_up(self, ended: Ended) -> Failure | None:
        """What it had still to say or to press had no end to wait for."""
        left = self._recorded[len(self._exchanges) :]
        unsaid = next(
            (each for each in left if any(isinstance(one, Say | Press | Interrupt) for one in each.steps)), None
        )
        if ended.by == "bot" and unsaid is not None:
            return self._diverged("the bot has hung up", _shown(self.heard()), _shown(unsaid.heard))
        return super()._hung_up(ended)


def _texts(turns: Sequence[BotSpoke]) -> tuple[str, ...]:
    found: list[str] = []
    left = MAX_HEARD_CHARS
    for turn in turns:
        text = " ".join((turn.text or "").split())[: max(0, left)]
        left -= len(text)
        found += [text] if text else []
    return tuple(found)


def _in_circles(latest: Sequence[Exchange]) -> bool:
    return len(latest) == IN_CIRCLES and all(
        one.steps == other.steps and likeness(one.heard.said, other.heard.said) >= ENOUGH
        for one, other in pairwise(latest)
    )


def _shown(heard: Heard) -> str:
    return repr(" / ".join(heard.said)[:SHOWN_CHARS]) if heard.said else "nothing was understood"

"""`[answering]`: who answered a call that the bot has placed."""

from typing import Annotated

from pydantic import Field

from offhook.settings.section import Section


class AnsweringConfig(Section):
    """Who answered a call that the bot has placed: a person, a voicemail, a fax, a busy tone. In Python
    `call.answered_by`, `await call.who_answered()` and `await call.wait_for_beep()`."""

    detect: bool = True
    """Find it out from the audio. What the carrier says (Twilio's AnsweredBy) counts as it is."""

    silence_ms: Annotated[int, Field(ge=1_000, le=20_000)] = 4_000
    """After the answer, with nothing heard: nobody has spoken. What is heard later still counts."""

    decided_ms: Annotated[int, Field(ge=1_000, le=10_000)] = 2_440
    """After the first sound, with nothing decided until then: a recording, unless it pauses just then. More is for
    people who answer with long sentences, at the price of a later verdict on recordings."""

    greeting_over_ms: Annotated[int, Field(ge=1_000, le=20_000)] = 2_500
    """A recording's silence after which its beep isn't waited for any more."""

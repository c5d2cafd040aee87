"""A voice made of voices: the next one speaks the text, or the rest of it, when one fails or is silent."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from copy import copy
from dataclasses import replace

from offhook.pipeline.chain.capabilities import tts_capabilities
from offhook.pipeline.chain.chain import Chain
from offhook.pipeline.chain.member import Candidate, Member, Today, choose, unavailable, used
from offhook.pipeline.chain.speech import Speech
from offhook.pipeline.chain.spending import Outcome
from offhook.pipeline.clock import MONOTONIC, Clock
from offhook.pipeline.errors import EngineError
from offhook.pipeline.language import known_as
from offhook.pipeline.rates import MakeResampler
from offhook.pipeline.tts.engine import (
    ConversationalTtsEngine,
    LineTtsEngine,
    MultilingualTtsEngine,
    NamedVoicesTtsEngine,
    RatedTtsEngine,
    SpeechChunk,
    TtsConversation,
    TtsEngine,
)
from offhook.pipeline.tts.named_voice import named_voice
from offhook.pipeline.tts.pace import Pace
from offhook.pipeline.tts.voice import closing


class ChainTts(Chain[TtsEngine]):
    """`TtsEngine` over `members`, the first choice first; all give 16-bit PCM (see tts.adapt).

    `resampler` converts the audio of members whose rate is not the first one's. `language` is the one of texts that
    have none of their own: members that do not know it leave them to the others.
    """

    def __init__(
        self,
        members: Sequence[Member[TtsEngine]],
        resampler: MakeResampler,
        *,
        language: str | None = None,
        clock: Clock = MONOTONIC,
        today: Today = time.time,
    ) -> None:
        super().__init__(members, resampler, clock, today)
        self.capabilities = tts_capabilities([member.engine.capabilities for member in members])
        self.tasks: set[asyncio.Task[None]] = set()
        """Of voices at work, and of probes that outlast their text."""
        self.paces = {member.name: Pace() for member in members}
        """Of voices that do not report words."""
        self._own_language = language
        self._language: str | None = None
        self._voice: str | None = None
        self._line: tuple[str, int] | None = None
        self.conversations: dict[str, tuple[TtsConversation, int]] | None = None
        """Those of a call with members, and the members' rates. See ChainConversation."""

    def in_language(self, language: str) -> "ChainTts":
        """The same chain in another language, spoken by the members that know it."""
        other = copy(self)
        other._language = language
        return other._refreshed()

    @property
    def voices(self) -> dict[str, str]:
        """The voices of all members, by name; of two with the same name, the first member's."""
        found: dict[str, str] = {}
        for member in reversed(self.members):
            found |= member.engine.voices if isinstance(member.engine, NamedVoicesTtsEngine) else {}
        return found

    def with_voice(self, voice: str) -> "ChainTts":
        """The same chain with a voice of one member; the others keep their own. Raises KeyError for an unknown one."""
        if all(named_voice(member.engine, voice, None) is None for member in self.members):
            raise KeyError(voice)
        other = copy(self)
        other._voice = voice
        return other._refreshed()

    def for_line(self, encoding: str, rate_hz: int) -> "ChainTts":
        """The same chain for a line, with the members that can choose at its rate, or in its encoding."""
        other = copy(self)
        other._line = (encoding, rate_hz)
        return other._refreshed()

    def conversation(self) -> "ChainConversation":
        """For a call that begins."""
        return ChainConversation(self)

    async def close(self) -> None:
        """End all work and all members. Idempotent."""
        tasks = tuple(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._lifecycle.close()

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`. Raises EngineError while iterated, if no member can say it, or its rest.

        A voice that fails in the middle is followed by the next one, from the first word that was not complete. What
        another voice than the first has spoken is not for keeping (`SpeechChunk.keep`).
        """
        able = [member for member in self.members if self._is_able(member)]
        candidates, passed = choose(able, self.clock.now(), self.day, self.meter)
        if not candidates:
            raise unavailable(self.name, "speaking", passed)
        if len(self.members) == 1:
            return self._alone(candidates[0], text)
        why = "; ".join(f"{name}: {each}" for name, each in passed.items())
        return Speech(self, candidates, able[0], why, text).chunks()

    def engine_of(self, member: Member[TtsEngine]) -> TtsEngine:
        """The member in this chain's language and voice, for its line."""
        engine = member.engine
        chosen = None
        # A voice that one member lists is not asked of those that do not say which voices they have.
        if self._voice is not None and (_lists(engine, self._voice) or not self._is_listed(self._voice)):
            chosen = named_voice(engine, self._voice, self._language)
        if chosen is not None:
            engine = chosen
        elif self._language is not None and isinstance(engine, MultilingualTtsEngine):
            engine = engine.in_language(known_as(engine.capabilities.languages, self._language) or self._language)
        if self._line is not None and isinstance(engine, LineTtsEngine):
            engine = engine.for_line(*self._line)
        elif self._line is not None and isinstance(engine, RatedTtsEngine):
            engine = engine.at_rate(self._line[1])
        return engine

    def speaker_of(self, member: Member[TtsEngine]) -> TtsEngine | TtsConversation:
        """What speaks for the member: in a conversation its own one with the member, if that has conversations."""
        engine = self.engine_of(member)
        if self.conversations is None or not isinstance(engine, ConversationalTtsEngine):
            return engine
        if member.name not in self.conversations:
            self.conversations[member.name] = (engine.conversation(), engine.capabilities.rate_hz)
        return self.conversations[member.name][0]

    def _refreshed(self) -> "ChainTts":
        """With the capabilities of its members in this language and voice, and for this line."""
        able = [member for member in self.members if self._is_able(member)] or self.members
        first = self.engine_of(able[0]).capabilities
        self.capabilities = replace(
            self.capabilities,
            rate_hz=first.rate_hz,
            word_positions=any(self.engine_of(member).capabilities.word_positions for member in able),
        )
        return self

    def _is_listed(self, voice: str) -> bool:
        return any(_lists(member.engine, voice) for member in self.members)

    def _is_able(self, member: Member[TtsEngine]) -> bool:
        language = self._language or self._own_language
        return (
            len(self.members) == 1
            or language is None
            or known_as(member.engine.capabilities.languages, language) is not None
        )

    async def _alone(self, candidate: Candidate[TtsEngine], text: str) -> AsyncGenerator[SpeechChunk]:
        outcome = Outcome.CANCELLED
        try:
            async with closing(self.speaker_of(candidate.member).synthesize(text)) as chunks:
                async for chunk in chunks:
                    yield replace(chunk, engine=candidate.member.name)
            outcome = Outcome.ANSWERED
        except EngineError:
            outcome = Outcome.FAILED
            raise
        finally:
            spent = candidate.member.limits.spent(characters=len(text))
            used(candidate, outcome, spent, "", now=self.clock.now(), day=self.day, meter=self.meter)


def _lists(engine: TtsEngine, voice: str) -> bool:
    return isinstance(engine, NamedVoicesTtsEngine) and voice.partition("+")[0] in engine.voices


class ChainConversation:
    """`TtsConversation`: a chain in one call, in which members that keep a context within a call have one."""

    def __init__(self, chain: ChainTts) -> None:
        self._chain = copy(chain)
        self._members: dict[str, tuple[TtsConversation, int]] = {}
        self._chain.conversations = self._members
        self.synthesize = self._chain.synthesize

    def finished(self) -> None:
        """The utterance was played to its end."""
        for conversation, _ in self._members.values():
            conversation.finished()

    def interrupted(self, text: str, played_samples: int) -> None:
        """The caller has heard so much of `text`. A member that spoke only the rest of it was not given that text: see
        TtsConversation."""
        for conversation, rate_hz in self._members.values():
            conversation.interrupted(text, played_samples * rate_hz // self._chain.capabilities.rate_hz)

    def close(self) -> None:
        """The call is over."""
        for conversation, _ in self._members.values():
            conversation.close()
        self._members.clear()

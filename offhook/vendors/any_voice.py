"""A vendor's voices by any name: which ones there are is not known here."""

from collections.abc import Mapping
from copy import copy
from typing import Self


class AnyVoice:
    """A part of a `NamedVoicesTtsEngine` whose `voice` is in each request. A name that the vendor does not have fails
    the text."""

    voice: str

    @property
    def voices(self) -> Mapping[str, str]:
        """Not known."""
        return {}

    def with_voice(self, voice: str) -> Self:
        """The same engine with another voice."""
        other = copy(self)
        other.voice = voice
        return other

"""The listeners of a line: any number of them, independent of each other."""

from collections.abc import Callable

AudioHandler = Callable[[bytes, int, float], None]
"""(pcm, at_tick, at_s): the caller's audio in order and without holes; `at_tick` counts from the first sample. The
end of `pcm` arrived at `at_s` (monotonic seconds), which may be some time ago."""

DtmfHandler = Callable[[str, int], None]
"""(digit, at_tick): one key, once, at its end."""

TextHandler = Callable[[str], None]
"""(line): what the far end typed instead of speaking. Printable, without line breaks."""

SentHandler = Callable[[bytes, int, float], None]
"""(payload, ordinal, at_s): what was sent of `play`ed audio; `ordinal` is `sent_ticks` before it. It left at `at_s`
(monotonic seconds), which may be some time ago."""

Handler = Callable[[], None]


class LineListeners:
    """The handlers of one line's events. A line calls those of a kind in unspecified order.

    A line calls the handlers in `audio`, `dtmf` and so on: while it is shielded, those are not the ones that were
    added.
    """

    __slots__ = ("_audio", "_dtmf", "_keys", "_text", "audio", "drained", "dtmf", "sent", "silent", "text")

    def __init__(self) -> None:
        # Tuples: a handler may add or remove one while they are being called.
        self.audio: tuple[AudioHandler, ...] = ()
        self.dtmf: tuple[DtmfHandler, ...] = ()
        self.sent: tuple[SentHandler, ...] = ()
        self.drained: tuple[Handler, ...] = ()
        self.silent: tuple[Handler, ...] = ()
        self.text: tuple[TextHandler, ...] = ()
        self._audio: tuple[AudioHandler, ...] = ()
        self._dtmf: tuple[DtmfHandler, ...] = ()
        self._text: tuple[TextHandler, ...] = ()
        self._keys: DtmfHandler | None = None

    def add(
        self,
        *,
        audio: AudioHandler | None = None,
        dtmf: DtmfHandler | None = None,
        sent: SentHandler | None = None,
        drained: Handler | None = None,
        silent: Handler | None = None,
        text: TextHandler | None = None,
    ) -> Handler:
        """`MediaLine.add_listener`."""
        if audio is not None:
            self._audio += (audio,)
        if dtmf is not None:
            self._dtmf += (dtmf,)
        if sent is not None:
            self.sent += (sent,)
        if drained is not None:
            self.drained += (drained,)
        if silent is not None:
            self.silent += (silent,)
        if text is not None:
            self._text += (text,)
        self._choose()

        def remove() -> None:
            nonlocal audio, dtmf, sent, drained, silent, text
            self._audio = tuple(each for each in self._audio if each is not audio)
            self._dtmf = tuple(each for each in self._dtmf if each is not dtmf)
            self.sent = tuple(each for each in self.sent if each is not sent)
            self.drained = tuple(each for each in self.drained if each is not drained)
            self.silent = tuple(each for each in self.silent if each is not silent)
            self._text = tuple(each for each in self._text if each is not text)
            self._choose()
            # They are often methods of the owner of this function, which would be a cycle.
            audio = dtmf = sent = drained = silent = text = None

        return remove

    def shield(self, keys: DtmfHandler | None) -> None:
        """`Shieldable.shield`."""
        self._keys = keys
        self._choose()

    def clear(self) -> None:
        """Remove all: listeners refer back to the line, and the cycle would wait for the garbage collector."""
        self.sent = self.drained = self.silent = ()
        self._audio = self._dtmf = self._text = ()
        self._keys = None
        self._choose()

    def _choose(self) -> None:
        if self._keys is None:
            self.audio, self.dtmf, self.text = self._audio, self._dtmf, self._text
        else:
            self.audio, self.dtmf, self.text = (self._silence,), (self._keys,), ()

    def _silence(self, pcm: bytes, at_tick: int, at_s: float) -> None:
        silence = bytes(len(pcm))
        for on_audio in self._audio:
            on_audio(silence, at_tick, at_s)

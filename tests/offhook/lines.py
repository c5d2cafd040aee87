"""A line that tests feed by hand."""

from offhook.telephony.listeners import LineListeners


class ScriptedLine:
    """A narrowband line, as far as its listeners are concerned."""

    rate_hz = 8_000
    bytes_per_tick = 1

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self.listeners = LineListeners()
        self.add_listener = self.listeners.add

    def receive(self, pcm: bytes, at_tick: int, at_s: float) -> None:
        """The caller's audio has arrived."""
        for on_audio in self.listeners.audio:
            on_audio(pcm, at_tick, at_s)

    def send(self, payload: bytes, ordinal: int, at_s: float) -> None:
        """The bot's audio has left."""
        for on_sent in self.listeners.sent:
            on_sent(payload, ordinal, at_s)

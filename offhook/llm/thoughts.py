"""Leaves out the thoughts that some servers put before the text, between <think> and </think>. Pure."""

OPENED, CLOSED = "<think>", "</think>"


class WithoutThoughts:
    """For one reply: text goes in as it comes, and comes out without the thoughts at its start."""

    def __init__(self) -> None:
        self._held = ""
        self._is_speech = False

    def add(self, text: str) -> str:
        """What may be spoken now."""
        if self._is_speech:
            return text
        begin = (self._held + text).lstrip()
        if begin.startswith(OPENED):
            _, closed, after = begin.partition(CLOSED)
            begin = after.lstrip() if closed else begin
            if not closed:
                self._held = begin
                return ""
        if OPENED.startswith(begin):
            self._held = begin
            return ""
        self._is_speech, self._held = True, ""
        return begin

    def rest(self) -> str:
        """What is held back when the reply ends."""
        held, self._held = self._held, ""
        return "" if held.lstrip().startswith(OPENED) else held

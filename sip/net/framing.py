"""Messages in a stream of bytes, by their Content-Length: RFC 3261 §18.3. Keep-alives: RFC 5626 §3.5.1. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from offhook.sip.errors import ParseError
from offhook.sip.message.limits import MAX_MESSAGE

PING, PONG = b"\r\n\r\n", b"\r\n"

_CONTENT_LENGTH = re.compile(
    rb"(?:^|\n)(?:content-length|l)[ \t]*:[ \t\r\n]*([0-9]{1,10})[ \t]*(?=\r?\n|$)", re.IGNORECASE
)
_LENGTH_FIELD = re.compile(rb"(?:^|\n)(?:content-length|l)[ \t]*:", re.IGNORECASE)
_HEAD_END = re.compile(rb"\r?\n\r?\n")


@dataclass(slots=True)
class StreamFramer:
    """Cuts one connection's bytes into messages. `pings` counts keep-alives that want an answer, `pongs` the answers to
    ours, of which `pongs_awaited` are still to come.

    A stream whose messages cannot be separated is of no further use: `take` raises ParseError, and the connection has
    to be closed.
    """

    _unread: bytes = b""
    _searched: int = 0
    _is_lost: bool = False  # where the next message begins is unknown
    pings: int = 0
    pongs: int = 0
    pongs_awaited: int = 0

    @property
    def is_between_messages(self) -> bool:
        """Whether nothing of a message is there yet."""
        return not self._unread.strip(b"\r\n")

    def take(self, data: bytes) -> Iterator[bytes]:
        """The messages that are complete with `data`."""
        self._unread += data
        while self._skip_keepalives() and (message := self._next()) is not None:
            yield message
            if self._is_lost:
                raise ParseError("Content-Length is not a number: where its message ends is unknown")

    def _skip_keepalives(self) -> bool:
        """Whether a message begins; empty lines before it are keep-alives, or nothing (§7.5)."""
        message = self._unread.lstrip(b"\r\n")
        lines = self._unread[: len(self._unread) - len(message)].split(b"\n")
        # §3.5.1: one empty line is an answer, two are a question.
        pongs = min(self.pongs_awaited, len(lines) - 1)
        self.pongs += pongs
        self.pongs_awaited -= pongs
        del lines[:pongs]
        pings = (len(lines) - 1) // 2
        self.pings += pings
        self._unread = message or b"\n".join(lines[2 * pings :])  # half a ping waits for its other half
        return bool(message)

    def _next(self) -> bytes | None:
        end = _HEAD_END.search(self._unread, max(0, self._searched - 3))
        if end is None:
            self._searched = len(self._unread)
            self._check_size(self._searched)
            return None
        head = self._unread[: end.end()]
        values = _CONTENT_LENGTH.findall(head)
        lengths = {int(value) for value in values}
        if len(lengths) > 1:
            raise ParseError("Content-Length differs from itself: the stream cannot be cut into messages")
        self._is_lost = len(_LENGTH_FIELD.findall(head)) > len(values)  # its message is still answered, with 400
        # §20.14: it is mandatory in a stream. A message without a body can do without.
        size = end.end() + (lengths.pop() if lengths else 0)
        self._check_size(size)
        if len(self._unread) < size:
            return None
        message, self._unread, self._searched = self._unread[:size], self._unread[size:], 0
        return message

    def _check_size(self, size: int) -> None:
        if size > MAX_MESSAGE:
            raise ParseError(f"a message of more than {MAX_MESSAGE} bytes")

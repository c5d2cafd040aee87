"""What can go wrong, by whose fault it is."""


class SipError(Exception):
    """Base of everything this package raises on purpose."""


class LocalError(SipError):
    """Misuse: our own program asked for something that cannot be done."""


class RemoteError(SipError):
    """The remote's bytes cannot be worked with; `status` and `reason` are what to answer a request with."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


class NotAcceptableError(RemoteError):
    """A session that was offered cannot be had: 488, with the warn-code that RFC 3261 §20.43 has for it."""

    def __init__(self, reason: str, warn_code: int = 399) -> None:
        super().__init__(488, reason)
        self.warn_code = warn_code


class ParseError(RemoteError):
    """A message, or a value in one, does not follow its grammar.

    `partial` is a `sip.message.message.Request` with whatever could be read of the message, so that the error can be
    answered; None when it was a response, or nothing of use could be read. (It is an `object` here because errors
    lie below messages; `isinstance` tells.)
    """

    def __init__(self, reason: str, status: int = 400, partial: object | None = None) -> None:
        super().__init__(status, reason)
        self.partial = partial

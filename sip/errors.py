"""Errors, by whose fault they are."""


class SipError(Exception):
    """Base of everything this package raises on purpose."""


class LocalError(SipError):
    """Misuse: the program asked for something that cannot be done."""


class RemoteError(SipError):
    """The far end sent something unusable; `status` and `reason` are the answer to a request."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


class NotAcceptableError(RemoteError):
    """The offered session is not acceptable: 488, with a warn-code of RFC 3261 §20.43."""

    def __init__(self, reason: str, warn_code: int = 399) -> None:
        super().__init__(488, reason)
        self.warn_code = warn_code


class ParseError(RemoteError):
    """A message, or a value in one, does not follow its grammar.

    `partial` is a `sip.message.message.Request` with whatever could be parsed, so that the error can be answered;
    None for a response, or when nothing useful could be parsed. (Typed `object` because errors lie below messages.)
    """

    def __init__(self, reason: str, status: int = 400, partial: object | None = None) -> None:
        super().__init__(status, reason)
        self.partial = partial

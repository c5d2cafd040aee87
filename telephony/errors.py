"""Errors, by whose fault they are."""


class TelephonyError(Exception):
    """Base of everything this package raises on purpose."""


class LocalError(TelephonyError, ValueError):
    """The program asked for something that cannot be done."""


class RemoteError(TelephonyError):
    """The far end's bytes or behaviour are unusable."""


class WireError(RemoteError):
    """A datagram or payload does not follow its format."""

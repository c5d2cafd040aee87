"""What can go wrong, by whose fault it is."""


class TelephonyError(Exception):
    """Base of everything this package raises on purpose."""


class LocalError(TelephonyError, ValueError):
    """Our own program asked for something that cannot be done."""


class RemoteError(TelephonyError):
    """The other end's bytes, or its behaviour, cannot be worked with."""


class WireError(RemoteError):
    """A datagram or payload does not have the layout its format prescribes."""

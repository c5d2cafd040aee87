"""The headers that came with a call: SIP headers of the INVITE, or the parameters of a stream."""


class CallHeaders(tuple[tuple[str, str], ...]):
    """(name, value) pairs in order. `get` and `get_all` ignore case; a name may occur twice."""

    __slots__ = ()

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of that name."""
        return next(iter(self.get_all(name)), default)

    def get_all(self, name: str) -> list[str]:
        """All values of that name, in order."""
        wanted = name.lower()
        return [value for known, value in self if known.lower() == wanted]

"""What an owner asks of the user agent about transfers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refer:
    """Ask the far end to call `target`, a URI: `ReferAccepted` and `ReferProgress`, or `ReferRefused`.

    `replaces` is another of our calls, answered: the far end takes our place in it (RFC 5589 §7.1), and an empty
    `target` is then the far end of that call. `target_headers` go into the INVITE that the far end sends, `headers`
    into the REFER. With `subscribe` false no progress is wanted (RFC 4488). One at a time.
    """

    call: str
    target: str
    replaces: str | None = None
    target_headers: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    subscribe: bool = True


@dataclass(frozen=True, slots=True)
class AcceptRefer:
    """Accept the far end's REFER: 202, and what `NotifyRefer` says from then on."""

    call: str


@dataclass(frozen=True, slots=True)
class RejectRefer:
    """Refuse the far end's REFER with 300 to 699; the call goes on."""

    call: str
    status: int


@dataclass(frozen=True, slots=True)
class NotifyRefer:
    """Tell the far end how its transfer goes, with the status of the INVITE; 200 and more is the last word."""

    call: str
    status: int
    reason: str = ""

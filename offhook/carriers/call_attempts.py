"""Where a call out goes next when an attempt has failed: another number, later, or nowhere. Pure.

Theory of operation. The servers of one target are the user agent's business (`sip.dialog.hops`): it has tried them all
when an attempt has failed. A final response that speaks for the called party is final: busy, declined, not found, and
every 6xx (RFC 3261 §21.6). Others are followed by another attempt:

- 3xx: the contacts are tried, the most wanted first, as far as `redirect` allows them; each target once, and at most
  `MAX_TARGETS` in all (§8.1.3.4).
- 503 with a Retry-After of at most `MAX_RETRY_AFTER_S`: once more after that time (§21.5.4), at most `MAX_RETRIES`
  times, unless it rang: the phone would ring again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from offhook.carriers.call_target import CallTarget
from offhook.sip.events import CallRejected
from offhook.sip.net.flow import Target

MAX_TARGETS = 5
MAX_RETRY_AFTER_S = 10
MAX_RETRIES = 2

SERVICE_UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class Attempt:
    """Call `target` by one of the servers `at`, the first choice first, after `after_s`. Without any it has to be
    looked up."""

    target: CallTarget
    at: tuple[Target, ...]
    after_s: float = 0.0


class CallAttempts:
    """The attempts of one call out. `redirect` is the target of a Contact, None where it may not be called."""

    def __init__(
        self, target: CallTarget, found: Sequence[Target], redirect: Callable[[str, CallTarget], CallTarget | None]
    ) -> None:
        self._first = target
        self._found = tuple(found)
        self._redirect = redirect
        self._seen = {target.uri}
        self._wanted: list[CallTarget] = []
        self._retries = 0
        self._rang = False
        self.current = Attempt(target, self._found)

    def rang(self) -> None:
        """The present attempt rings, or has early media."""
        self._rang = True

    def rejected(self, event: CallRejected) -> Attempt | None:
        """The next attempt after a final response; None: the response is the outcome."""
        if 300 <= event.status < 400:
            self._want(event.contacts)
            return self._next_target()
        if event.status >= 600:
            return None
        if event.status == SERVICE_UNAVAILABLE:
            return self._later(event.retry_after_s) or self._next_target()
        # §8.1.3.4: of several contacts the next one is tried when one fails.
        return self._next_target()

    def failed(self) -> Attempt | None:
        """The next attempt after one without a response; None: there is none."""
        return self._next_target()

    def _want(self, contacts: Sequence[str]) -> None:
        for contact in contacts:
            target = self._redirect(contact, self.current.target)
            if target is not None and target.uri not in self._seen and len(self._seen) < MAX_TARGETS:
                self._seen.add(target.uri)
                self._wanted.append(target)

    def _next_target(self) -> Attempt | None:
        if not self._wanted:
            return None
        target = self._wanted.pop(0)
        same = target.trunk == self._first.trunk and bool(target.trunk)
        self._rang = False
        self.current = Attempt(target, self._found if same else ())
        return self.current

    def _later(self, after_s: int | None) -> Attempt | None:
        if after_s is None or after_s > MAX_RETRY_AFTER_S or self._retries >= MAX_RETRIES or self._rang:
            return None
        self._retries += 1
        self.current = Attempt(self.current.target, self.current.at, float(after_s))
        return self.current

"""INVITEs that were refused without a transaction, for as long as their senders may repeat them (RFC 3261 §8.2.7).

A copy must not be judged anew: the sender has made up its mind with the first answer, and a 2xx that follows it would
set up a call in which nobody is.
"""

from offhook.sip.uas_checks import Refusal


class RejectedCache:
    """The answers that were given, for `keep_s` each, to the latest `most` INVITEs. An INVITE is known by its tag."""

    def __init__(self, keep_s: float, most: int) -> None:
        self._keep_s = keep_s
        self._most = most
        self._answers: dict[str, tuple[float, Refusal]] = {}  # oldest first

    def __len__(self) -> int:
        return len(self._answers)

    def recall(self, tag: str, now: float) -> Refusal | None:
        """What the INVITE was refused with; None: it is new."""
        since, refusal = self._answers.get(tag, (now, None))
        return refusal if now - since < self._keep_s else None

    def keep(self, tag: str, refusal: Refusal, now: float) -> None:
        """Remember the answer to an INVITE that is new."""
        self._answers.pop(tag, None)
        self._answers[tag] = now, refusal
        while self._answers and (len(self._answers) > self._most or self._is_over(now)):
            del self._answers[next(iter(self._answers))]

    def _is_over(self, now: float) -> bool:
        since, _ = next(iter(self._answers.values()))
        return now - since >= self._keep_s

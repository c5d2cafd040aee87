"""What a REGISTER does: RFC 3261 §10.3, RFC 3327. Its sender has proven a password before.

Theory of operation. A REGISTER is done as a whole or not at all: everything in it is judged before anything is kept. A
contact is changed by its own REGISTERs in their order (Call-ID and CSeq), so that a late one undoes nothing. A user
registers for itself, and for nobody else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from offhook.sip.errors import RemoteError
from offhook.sip.message import typed
from offhook.sip.message.address import NameAddr
from offhook.sip.message.identities import printable
from offhook.sip.message.message import Request
from offhook.sip.net.flow import Flow
from offhook.sip.registrar.bindings import MAX_CONTACTS, Binding, Bindings, contact_key
from offhook.sip.uas_checks import Refusal

AGENT_CHARS = 60


@dataclass(frozen=True, slots=True)
class RegistrarLimits:
    """For how long contacts are bound."""

    least_s: int = 60
    """What is asked for less gets 423, which protects against being asked all the time."""
    most_s: int = 3_600
    default_s: int = 600
    """Where nothing is asked for."""


class Registrar:
    """Takes REGISTERs of authenticated users."""

    def __init__(self, limits: RegistrarLimits = RegistrarLimits()) -> None:
        self.bindings = Bindings()
        self._limits = limits

    def register(self, user: str, request: Request, source: Flow, now: float) -> Refusal:
        """Carry out a REGISTER of that user; returns its answer. Raises ParseError."""
        if unquote(typed.to(request).uri.user or "") != user:
            return Refusal(403)
        before = self.bindings.of(user, now)
        try:
            path = tuple(str(each) for each in typed.paths(request))
            after = self._changed(before, request, source, path, now)
        except RemoteError as refused:
            least = (("Min-Expires", str(self._limits.least_s)),) if refused.status == 423 else ()
            return Refusal(refused.status, least, refused.reason)
        self.bindings.replace(user, after)
        headers = tuple(("Contact", _contact(each, now)) for each in self.bindings.of(user, now))
        return Refusal(200, (*headers, *(("Path", each) for each in path)))

    def _changed(
        self, before: Sequence[Binding], request: Request, source: Flow, path: tuple[str, ...], now: float
    ) -> list[Binding]:
        call_id, cseq = typed.call_id(request), typed.cseq(request).number
        contacts = _contacts(request)
        if contacts is None:
            if _seconds(request.headers.get("Expires")) != 0:
                raise RemoteError(400, "Contact is * and Expires is not 0")
            _in_order(before, call_id, cseq)
            return []
        after = list(before)
        for contact in contacts:
            if contact.uri.scheme not in ("sip", "sips"):
                raise RemoteError(400, "Contact is not a SIP URI")
            text = str(contact.uri._replace(headers=None))  # which would be followed nowhere (§19.1.1)
            expires_s = self._expires_s(contact, request)
            key = contact_key(text)
            _in_order([each for each in after if contact_key(each.contact) == key], call_id, cseq)
            after = [each for each in after if contact_key(each.contact) != key]
            if expires_s:
                agent = printable(request.headers.get("User-Agent") or "")[:AGENT_CHARS]
                after.append(Binding(text, source, now + expires_s, call_id, cseq, _q(contact), path, agent))
        if len(after) > MAX_CONTACTS:
            raise RemoteError(403, "Too Many Contacts")
        return after

    def _expires_s(self, contact: NameAddr, request: Request) -> int:
        limits, asked_s = self._limits, _seconds(contact.params.get("expires"))
        if asked_s is None:
            asked_s = _seconds(request.headers.get("Expires"))
        if asked_s is None:
            asked_s = limits.default_s
        if 0 < asked_s < limits.least_s:
            raise RemoteError(423, "Interval Too Brief")
        return min(asked_s, limits.most_s)


def _contacts(request: Request) -> list[NameAddr] | None:
    """None for `*` (§10.2.2); empty for a REGISTER that only asks."""
    values = [value.strip() for value in request.headers.get_all("Contact")]
    if "*" not in values:
        return typed.contacts(request)
    if len(values) > 1:
        raise RemoteError(400, "Contact has * and others")
    return None


def _in_order(bindings: Sequence[Binding], call_id: str, cseq: int) -> None:
    """§10.3, steps 6 and 7."""
    if any(each.call_id == call_id and each.cseq >= cseq for each in bindings):
        raise RemoteError(500, "CSeq Out Of Order")


def _seconds(text: str | None) -> int | None:
    """None for what is absent or malformed: then the default counts (§20.19)."""
    digits = (text or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else None


def _q(contact: NameAddr) -> float:
    try:
        return min(max(float(contact.params.get("q") or 1), 0.0), 1.0)
    except ValueError:
        return 1.0


def _contact(binding: Binding, now: float) -> str:
    q = "" if binding.q == 1 else f";q={binding.q:g}"
    return f"<{binding.contact}>;expires={max(1, round(binding.until - now))}{q}"

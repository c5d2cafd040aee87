"""Keys for SRTP in session descriptions (RFC 4568), with the suites of RFC 4568, RFC 6188 and RFC 7714."""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from secrets import token_bytes

from offhook.sip.sdp.model import Attribute, Media

PLAIN, SECURE = "RTP/AVP", "RTP/SAVP"

KEY_BYTES = {
    "AES_CM_128_HMAC_SHA1_80": 16 + 14,
    "AES_CM_128_HMAC_SHA1_32": 16 + 14,
    "AEAD_AES_128_GCM": 16 + 12,
    "AEAD_AES_256_GCM": 32 + 12,
    "AES_256_CM_HMAC_SHA1_80": 32 + 14,
    "AES_256_CM_HMAC_SHA1_32": 32 + 14,
}
"""Master key and salt of each suite (RFC 4568 §6.2, RFC 7714 §12, RFC 6188 §5)."""

MAX_CRYPTO_LINES = 32
"""Looked at in one m-line: there are as many as an offerer has suites."""

_LINE = re.compile(r"([0-9]{1,9})[ \t]+(\S+)[ \t]+(\S+)((?:[ \t]+\S+)*)")
_KEY = re.compile(r"inline:([A-Za-z0-9+/]+={0,2})(?:\|(?:2\^[0-9]{1,2}|[0-9]{1,15}))?(\|[0-9]{1,10}:[0-9]{1,3})?", re.I)
_WINDOW_HINT = re.compile(r"WSH=[0-9]+", re.I)


class SrtpPolicy(StrEnum):
    """Whether media is encrypted."""

    OFF = "off"
    PREFERRED = "preferred"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Crypto:
    """A crypto attribute that can be used. `key` is master key and salt, of the end that wrote the line."""

    tag: int
    suite: str
    key: bytes = field(repr=False)

    def __str__(self) -> str:
        return f"{self.tag} {self.suite} inline:{base64.b64encode(self.key).decode()}"


@dataclass(frozen=True, slots=True)
class NegotiatedSrtp:
    """What both ends agreed on: each encrypts with a key of its own."""

    suite: str
    send_key: bytes = field(repr=False)
    receive_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SrtpCapabilities:
    """What we support. With the policy OFF keys are neither offered nor read.

    The order of suites is our preference in an offer; an answer follows the offerer's. Those that are only answered are
    not offered: few have them and not GCM, and more lines of keys make an INVITE too large for a datagram. Preferred
    media is offered as RTP/AVP with keys: who does not know them answers without. `new_key` makes as many random bytes
    as it is asked for.
    """

    policy: SrtpPolicy = SrtpPolicy.OFF
    suites: tuple[str, ...] = (
        "AES_CM_128_HMAC_SHA1_80",
        "AEAD_AES_256_GCM",
        "AEAD_AES_128_GCM",
        "AES_CM_128_HMAC_SHA1_32",
    )
    new_key: Callable[[int], bytes] = field(default=token_bytes, compare=False)
    only_answered: tuple[str, ...] = ("AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32")


def parse_crypto(value: str, suites: tuple[str, ...] = tuple(KEY_BYTES)) -> Crypto:
    """Read the value of a crypto attribute. Raises ValueError, which says why the line cannot be used."""
    match = _LINE.fullmatch(value.strip())
    if match is None:
        raise ValueError("it is malformed")
    tag, suite, parameters, session = match.groups()
    suite = suite.upper()
    if suite not in suites:
        raise ValueError(f"{suite[:40]} is not supported")
    if ";" in parameters:
        raise ValueError("it has several keys")
    found = _KEY.fullmatch(parameters)
    if found is None:
        raise ValueError("its key is malformed")
    if found[2]:
        raise ValueError("it has a master key identifier")
    for each in session.split():
        # §6.3.7: a name with a hyphen may be ignored; §6.3.6: the window's size is a hint.
        if not each.startswith("-") and not _WINDOW_HINT.fullmatch(each):
            raise ValueError(f"{each.partition('=')[0][:40]} is not supported")
    return Crypto(int(tag), suite, _key(found[1], KEY_BYTES[suite]))


def usable(media: Media, srtp: SrtpCapabilities) -> list[Crypto]:
    """The lines of an m-line that can be used, in its order of preference; the first of a tag counts."""
    found: dict[int, Crypto] = {}
    for value in _lines(media, srtp):
        try:
            crypto = parse_crypto(value, srtp.suites + srtp.only_answered)
        except ValueError:
            continue
        found.setdefault(crypto.tag, crypto)
    return list(found.values())


def transport_problem(media: Media, srtp: SrtpCapabilities) -> str | None:
    """Why an m-line's transport cannot be used; None if it can."""
    protocol = media.protocol.upper()
    known = {SrtpPolicy.OFF: (PLAIN,), SrtpPolicy.PREFERRED: (PLAIN, SECURE), SrtpPolicy.REQUIRED: (SECURE, PLAIN)}
    if protocol not in known[srtp.policy]:
        names = (SECURE,) if srtp.policy is SrtpPolicy.REQUIRED else known[srtp.policy]
        return f"audio must be {' or '.join(names)}"
    if usable(media, srtp) or (protocol == PLAIN and srtp.policy is not SrtpPolicy.REQUIRED):
        return None
    reasons = []
    for value in _lines(media, srtp)[:4]:
        try:
            parse_crypto(value, srtp.suites + srtp.only_answered)
        except ValueError as error:
            reasons.append(str(error))
    if not reasons:
        return f"audio must be {SECURE}, with keys in a=crypto"
    return "; ".join(["no a=crypto can be used", *reasons])


def answering(
    media: Media, srtp: SrtpCapabilities, before: NegotiatedSrtp | None
) -> tuple[Crypto, NegotiatedSrtp] | None:
    """The line for an answer, and what is then agreed on; None where nothing is encrypted.

    An offer that repeats its key keeps ours, so that neither stream begins anew; a new one gets a new one.
    """
    offered = next(iter(usable(media, srtp)), None)
    if offered is None:
        return None
    if before is not None and (before.suite, before.receive_key) == (offered.suite, offered.key):
        key = before.send_key
    else:
        key = srtp.new_key(KEY_BYTES[offered.suite])
    return Crypto(offered.tag, offered.suite, key), NegotiatedSrtp(offered.suite, key, offered.key)


def offering(srtp: SrtpCapabilities, before: NegotiatedSrtp | None) -> list[Crypto]:
    """The lines for an offer: within a call what is in use."""
    if srtp.policy is SrtpPolicy.OFF:
        return []
    if before is not None:
        return [Crypto(1, before.suite, before.send_key)]
    return [Crypto(tag, suite, srtp.new_key(KEY_BYTES[suite])) for tag, suite in enumerate(srtp.suites, 1)]


def accepted(offered: Media, answer: Media, srtp: SrtpCapabilities) -> NegotiatedSrtp | None:
    """What an answer has chosen from our offer; None where nothing is encrypted. Raises ValueError."""
    ours = {(each.tag, each.suite): each for each in usable(offered, srtp)}
    theirs = usable(answer, srtp) if ours else []
    if not theirs:
        return None
    chosen = ours.get((theirs[0].tag, theirs[0].suite))
    if len(theirs) > 1 or chosen is None:
        raise ValueError("the answer's a=crypto is not one of the offer")
    return NegotiatedSrtp(chosen.suite, chosen.key, theirs[0].key)


def attributes(lines: list[Crypto]) -> list[Attribute]:
    """As attributes of an m-line."""
    return [Attribute("crypto", str(each)) for each in lines]


def _lines(media: Media, srtp: SrtpCapabilities) -> tuple[str, ...]:
    return () if srtp.policy is SrtpPolicy.OFF else media.values("crypto")[:MAX_CRYPTO_LINES]


def _key(text: str, length: int) -> bytes:
    try:
        # Some senders leave the padding out.
        key = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("its key is malformed") from error
    if len(key) != length:
        raise ValueError(f"its key has {len(key)} bytes, not {length}")
    return key

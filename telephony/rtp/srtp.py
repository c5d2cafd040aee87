"""SRTP and SRTCP (RFC 3711, RFC 7714): what a session sends is encrypted, what it receives verified and decrypted.

The work is libsrtp's, from the package pylibsrtp (both BSD). It keeps the roll-over counter of each SSRC, and remembers
which packets came, so that none is taken twice. The media pump calls the same functions on the same contexts, without
Python; so RTP and RTCP have a context each, for RTCP stays here.
"""

from importlib import import_module
from typing import Any, NamedTuple

from offhook.telephony.errors import LocalError
from offhook.telephony.rtp.config import SrtpKeys

PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": "SRTP_PROFILE_AES128_CM_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32": "SRTP_PROFILE_AES128_CM_SHA1_32",
    "AEAD_AES_128_GCM": "SRTP_PROFILE_AEAD_AES_128_GCM",
    "AEAD_AES_256_GCM": "SRTP_PROFILE_AEAD_AES_256_GCM",
}
"""Suites as in SDP, and pylibsrtp's names for them."""

WIDENED = {
    "AES_256_CM_HMAC_SHA1_80": "AES_CM_128_HMAC_SHA1_80",
    "AES_256_CM_HMAC_SHA1_32": "AES_CM_128_HMAC_SHA1_32",
}
"""Suites of RFC 6188: as the other, with a key of 256 bits. libsrtp has them, and pylibsrtp no name for them."""

_AES_ICM_128, _AES_ICM_256 = (1, 16 + 14), (5, 32 + 14)
"""libsrtp's numbers of the ciphers, and the bytes of key and salt: how `srtp_crypto_policy_t` begins."""

_REPLAYED = "replay check failed"


class NativeCall(NamedTuple):
    """The address of a function of libsrtp and of a context, for the media pump; zeros: none."""

    function: int = 0
    context: int = 0


class _Contexts(NamedTuple):
    """One key's: pylibsrtp's sessions."""

    rtp: Any
    rtcp: Any


class Srtp:
    """One stream each way. Raises LocalError for an unknown suite, a key of another length, and without pylibsrtp.

    `before` is what was in use: a key that stays goes on where it was (beginning anew would repeat the key stream), and
    what was sent to us with the last key is taken until the first packet with the new one.
    """

    def __init__(self, keys: SrtpKeys, before: "Srtp | None" = None) -> None:
        self.keys = keys
        self.rejected: int = 0 if before is None else before.rejected
        """Packets that are not the far end's, or are encrypted with another key."""
        self.replayed: int = 0 if before is None else before.replayed
        """Packets that had come before."""
        self._library = library = _library()
        self._out: _Contexts
        self._in: list[_Contexts]
        same = None if before is None or before.keys.suite != keys.suite else before.keys
        if before is not None and same is not None and same.send_key == keys.send_key:
            self._out = before._out
        else:
            self._out = _contexts(library, keys.suite, keys.send_key, inbound=False)
        if before is not None and same is not None and same.receive_key == keys.receive_key:
            self._in = before._in
        else:
            self._in = [_contexts(library, keys.suite, keys.receive_key, inbound=True)]
            self._in += [] if before is None else before._in[:1]

        self.sealing = _native_call("srtp_protect", self._out.rtp)
        """How the pump encrypts RTP; None: it cannot."""
        self._opening = _native_call("srtp_unprotect", self._in[0].rtp)

    def protect(self, packets: list[bytes]) -> list[bytes]:
        """RTP to SRTP."""
        return [self._out.rtp.protect(packet) for packet in packets]

    def protect_rtcp(self, packets: list[bytes]) -> list[bytes]:
        """RTCP to SRTCP."""
        return [self._out.rtcp.protect_rtcp(packet) for packet in packets]

    def unprotect(self, packet: bytes) -> bytes | None:
        """SRTP to RTP; None for what is not accepted, which is counted."""
        return self._opened(0, "unprotect", packet)

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """SRTCP to RTCP; None as above."""
        return self._opened(1, "unprotect_rtcp", packet)

    @property
    def opening(self) -> NativeCall | None:
        """How the pump decrypts RTP; None: it cannot, or not while packets with the last key may come."""
        return self._opening if len(self._in) == 1 else None

    def _opened(self, kind: int, method: str, packet: bytes) -> bytes | None:
        why = ""
        for contexts in self._in:
            try:
                opened: bytes = getattr(contexts[kind], method)(packet)
            except (self._library.Error, ValueError) as error:
                why = why or str(error)
                continue
            if contexts is self._in[0]:
                del self._in[1:]
            return opened
        if why.startswith(_REPLAYED):
            self.replayed += 1
        else:
            self.rejected += 1
        return None


def _contexts(library: Any, suite: str, key: bytes, *, inbound: bool) -> _Contexts:
    name = PROFILES.get(WIDENED.get(suite, suite))
    if name is None:
        raise LocalError(f"{suite} is not among {', '.join((*PROFILES, *WIDENED))}")
    policy = library.Policy
    ssrc = policy.SSRC_ANY_INBOUND if inbound else policy.SSRC_ANY_OUTBOUND
    try:
        made = policy(key=key, ssrc_type=ssrc, srtp_profile=getattr(policy, name))
        if suite in WIDENED:
            _widen(made, key)
        return _Contexts(library.Session(made), library.Session(made))
    except (library.Error, ValueError) as error:
        raise LocalError(f"{suite} cannot be used: {error}") from error


def _widen(policy: Any, key: bytes) -> None:
    """Exchange AES with 128 bits for 256 in a policy. Raises LocalError where pylibsrtp keeps it elsewhere."""
    if len(key) != _AES_ICM_256[1]:
        raise ValueError(f"key must contain {_AES_ICM_256[1]} bytes")
    try:
        ffi = import_module("pylibsrtp._binding").ffi
        parts = [ffi.cast("int *", ffi.addressof(part)) for part in (policy._policy.rtp, policy._policy.rtcp)]
    except (ImportError, AttributeError, TypeError) as error:
        raise LocalError(f"this version of pylibsrtp has no AES-CM with 256 bits ({error})") from error
    for words in parts:
        if (words[0], words[1]) != _AES_ICM_128:
            raise LocalError("this version of pylibsrtp has no AES-CM with 256 bits: take AEAD_AES_256_GCM")
        words[0], words[1] = _AES_ICM_256


def _library() -> Any:
    try:
        return import_module("pylibsrtp")
    except ImportError as error:
        raise LocalError(f"the package pylibsrtp is not installed ({error})") from error


def _native_call(function: str, session: Any) -> NativeCall | None:
    """Its addresses, which pylibsrtp has no public way to ask for; None where another version keeps them elsewhere."""
    try:
        binding = import_module("pylibsrtp._binding")
        ffi, lib = binding.ffi, binding.lib
        addresses = (ffi.addressof(lib, function), session._srtp[0])
        return NativeCall(*(int(ffi.cast("uintptr_t", each)) for each in addresses))
    except (ImportError, AttributeError, TypeError):
        return None

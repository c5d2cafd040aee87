"""Session descriptions that PJSIP has no room for, or misreads, to a bot whose calls it carries: its process goes on,
and so do calls. And those without the encryption that is set, over either backend."""

import base64
import socket
import sys
import time
from collections.abc import Callable
from functools import partial

import pytest

from tests.e2e.backends import BACKENDS, settings_of
from tests.e2e.conftest import BotProcess
from tests.e2e.peers import HOST
from tests.e2e.test_pjsua2_offers import APART_S, AUDIO, PORT, SECURE, Wrong, lives, pytestmark

__all__ = ["pytestmark"]

TAKEN, REFUSED = 200, 488
KEY = base64.b64encode(bytes(30)).decode()
KEYS = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n"
FEEDBACK = AUDIO.replace("RTP/AVP", "RTP/AVPF")
ADDRESS = f"c=IN IP4 {HOST}"
LONG = 300
"""Octets: PJSIP ends its process over a host with more than 253."""


def with_ice(fragment: str, *, session: bool = False) -> str:
    line = f"a=ice-ufrag:{fragment}\r\n"
    candidate = f"a=candidate:1 1 UDP 2130706431 {HOST} {PORT} typ host\r\n"
    whole = f"{AUDIO}a=ice-pwd:{'p' * 24}\r\n{candidate}"
    return whole.replace("t=0 0\r\n", f"t=0 0\r\n{line}") if session else whole + line


def with_keys(count: int) -> str:
    others = "".join(f"a=crypto:{tag} NONE inline:AA\r\n" for tag in range(2, count + 1))
    return SECURE.partition("a=rtpmap")[0].replace(" 0 101", " 0") + KEYS + others


BY_ICE = {
    "the usual": (with_ice("u" * 8), TAKEN),
    "the longest that PJSIP holds": (with_ice("u" * 119), TAKEN),
    "one more": (with_ice("u" * 120), REFUSED),
    "the longest (RFC 8839)": (with_ice("u" * 256), REFUSED),
    "the longest, of the session": (with_ice("u" * 256, session=True), REFUSED),
    "a thousand": (with_ice("u" * 1_000), REFUSED),
    "none": (with_ice("").replace("a=ice-ufrag:", "a=ice-ufrag"), TAKEN),
    "many candidates": (with_ice("u" * 8) + f"a=candidate:2 2 UDP 1 {HOST} {PORT} typ host\r\n" * 50, TAKEN),
    "a name behind a tab": (with_ice("u") + f"a=candidate:1\t2 1 UDP {HOST} a.example 9 typ host\r\n", REFUSED),
}
"""Offers to a bot with ICE, and their answers: fragments of user names, at first."""

ADDRESSES = {
    "white space": (AUDIO.replace(ADDRESS, f"c=IN IP4 \x0b{HOST}"), REFUSED),
    "much white space": (AUDIO.replace(ADDRESS, f"c=IN IP4 {chr(0x0B) * LONG}{HOST}"), REFUSED),
    "much more behind a NUL": (AUDIO.replace(ADDRESS, f"{ADDRESS}\x00{'x' * LONG}"), REFUSED),
    "much white space, for RTCP": (f"{AUDIO}a=rtcp:{PORT} IN IP4 {chr(0x0C) * LONG}{HOST}\r\n", REFUSED),
}

ENCRYPTION = {
    "off": {"plain": (AUDIO, TAKEN), "keys": (SECURE + KEYS, REFUSED), "plain with keys": (AUDIO + KEYS, TAKEN)},
    "preferred": {
        "plain": (AUDIO, TAKEN),
        "keys": (SECURE + KEYS, TAKEN),
        "no keys": (SECURE, REFUSED),
        "keys of no suite": (SECURE + KEYS.replace("AES", "NONE"), REFUSED),
        "as many keys as fit": (with_keys(64), TAKEN),
    },
    # Keys have to come over TLS here, and there is no call: see test_secure_calls.py.
    "required": {"plain": (AUDIO, REFUSED), "plain with feedback": (FEEDBACK, REFUSED), "no keys": (SECURE, REFUSED)},
}
"""By `rtp.srtp`."""


def offer_all(bot: BotProcess, offers: dict[str, tuple[str, int]], *, in_calls: bool = True) -> None:
    """Each in an INVITE, and in the re-INVITE and the UPDATE of a call."""
    for what, (offer, status) in offers.items():
        time.sleep(APART_S)
        with Wrong((bot.host, bot.port)) as phone:
            assert phone.invite(offer) == status, what
            phone.acknowledge()
            if status == TAKEN:
                assert phone.ask_in_call("BYE") == 200, what
        if not in_calls:
            continue
        time.sleep(APART_S)
        with Wrong((bot.host, bot.port)) as phone:
            assert phone.invite(AUDIO) == TAKEN, what
            phone.acknowledge()
            for ask in (phone.invite, partial(phone.ask_in_call, "UPDATE")):
                assert ask(offer) == status, (what, ask)
                if ask == phone.invite:
                    phone.acknowledge()
            assert phone.ask_in_call("BYE") == 200, what


def own_address() -> str:
    """Of this machine in a network; "" without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.254", 9))  # nothing is sent
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def test_a_fragment_of_a_user_name_for_ice(start_bot: Callable[..., BotProcess]) -> None:
    address = own_address()
    if not address:
        pytest.skip("this machine is in no network, and PJSIP takes no loopback address for a candidate")
    serve = [sys.executable, "-m", "offhook", "serve", "--sip", f"{address}:0", "--http", "127.0.0.1:0"]
    bot = start_bot("--bench-engines", command=serve, OFFHOOK_SIP__ICE="true", **settings_of("pjsua2"))
    with lives(bot):
        offer_all(bot, BY_ICE)


def test_an_address_that_is_only_one_for_us(start_bot: Callable[..., BotProcess]) -> None:
    bot = start_bot("--bench-engines", **settings_of("pjsua2"))
    with lives(bot):
        offer_all(bot, ADDRESSES)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("srtp", ENCRYPTION)
def test_encryption_that_is_not_as_it_is_set(start_bot: Callable[..., BotProcess], srtp: str, backend: str) -> None:
    bot = start_bot("--bench-engines", OFFHOOK_RTP__SRTP=srtp, **settings_of(backend))
    offer_all(bot, ENCRYPTION[srtp], in_calls=srtp != "required")


def test_more_keys_than_fit(start_bot: Callable[..., BotProcess]) -> None:
    bot = start_bot("--bench-engines", OFFHOOK_RTP__SRTP="preferred", **settings_of("pjsua2"))
    with lives(bot):
        offer_all(bot, {"one more": (with_keys(65), REFUSED), "most": (with_keys(68), REFUSED)})

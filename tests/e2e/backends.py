"""The SIP backends, the end-to-end tests that run with each of them, and where another one than our own differs.

A test of `BOTH` has one run for each backend (the fixture `sip_backend`). A run that is in `DEVIATIONS` must fail: one
that passes is reported as a failure, and its line has to go (pytest's strict xfail).
"""

from collections.abc import Mapping
from importlib.util import find_spec

from tests.ports import own_ports

OWN = "own"
BACKENDS = (OWN, "pjsua2")

BOTH = (
    "test_barge_in.py::test_speech_interrupts_and_is_understood",  # not short sounds: PJSIP may stretch them
    "test_baresip.py::test_baresip_calls",
    "test_calls.py",
    "test_command_line.py::test_the_demo",
    "test_freed.py",
    "test_kamailio_tls.py::test_a_certificate_of_a_stranger",
    "test_no_media.py",
    "test_refreshes.py",
    "test_ringing.py",
    "test_scenarios.py::test_sipp_calls",
    "test_transfer.py::test_nobody_moves_the_bot_without_leave",
)
"""Files, or single functions of them."""

AT_ONCE: Mapping[str, int] = {OWN: 6, "pjsua2": 1}
"""So many scenarios are played at the same time: a build of PJSIP has a most of calls, the wheel's is four, and what a
scenario has left undone may take a while."""

_IPV6 = "PJSIP's account of an IPv6 address does not start"
_USERS = "`sip.users`: PJSIP's library has neither a registrar nor passwords for callers"

_CALLS = {
    "uac_early_media": "PJSIP sends its 180, before the 183, reliably, too",
    "uac_unreadable_headers": "PJSIP drops a BYE whose Contact it cannot read",
    "uac_session-tcp": "PJSIP's BYE goes by UDP where the far end's Contact says no other transport",
    "uac_session-ipv6": _IPV6,
    "uac_session-ipv6-tcp": _IPV6,
    "uac_invite_repeated": "PJSIP answers an INVITE after its ACK with 500 or its 200",
    "uac_bye_before_ack": "PJSIP repeats its 200 though the call was hung up",
    "uac_notify_unasked": "PJSIP answers 500 to a NOTIFY that nobody has asked for",
    "uac_no_codec": "PJSIP's Warning of a 488 has another code",
    "uac_reinvite_refused": "PJSIP answers an offer inside of a call that it cannot meet with 500",
    "uac_codec_change": "PJSIP's versions of a description grow by more than one",
    "uac_prack_wrong": "PJSIP answers 200 to a PRACK of a response that was never sent",
    "uac_refers_silently": "PJSIP offers telephone-event under another number",
    "uac_refer_declined": "PJSIP offers telephone-event under another number",
    "uac_over": "PJSIP answers 200 to a request of a call that is over",
    "uac_password": _USERS,
    "uac_password_wrong": _USERS,
    "uac_user_wrong": _USERS,
    "uac_nonce_old": _USERS,
    "uac_registers": _USERS,
    "uac_register_refused": _USERS,
}
"""Scenarios of SIPp that calls the bot over PJSIP."""

DEVIATIONS: Mapping[str, Mapping[str, str]] = {
    "pjsua2": {
        "test_ringing.py::test_a_repeated_invite_is_one_call": "PJSIP answers an INVITE after its ACK with 500",
        **{f"test_scenarios.py::test_sipp_calls[{case}]": why for case, why in _CALLS.items()},
    }
}
"""By backend: the test, as FILE::FUNCTION[CASE], and why it fails."""


def settings_of(backend: str) -> dict[str, str]:
    """The environment of a bot with that backend. Where bots share a range of ports for media, PJSIP's get in each
    other's way."""
    if backend == OWN:
        return {}
    low, high = own_ports(40)
    return {"OFFHOOK_SIP__BACKEND": backend, "OFFHOOK_RTP__PORT_MIN": str(low), "OFFHOOK_RTP__PORT_MAX": str(high)}


def lacks(backend: str) -> str:
    """Why a backend cannot be tried here; "" if it can."""
    if backend != OWN and find_spec(backend) is None:
        return f"there is no wheel of {backend} for this Python"
    if backend != OWN and find_spec("offhook.telephony.native._frames") is None:
        return "the frame port in C was not built"
    return ""


def in_both(file: str, function: str) -> bool:
    """Whether a test runs with all backends."""
    return file in BOTH or f"{file}::{function}" in BOTH


def backends_of(file: str, function: str) -> tuple[str, ...]:
    """Those that a test runs with; empty if its file has nothing to do with others."""
    if in_both(file, function):
        return BACKENDS
    return (OWN,) if any(each.startswith(f"{file}::") for each in BOTH) else ()


def deviation(file: str, name: str, backend: str) -> str:
    """Why a run differs; "" if it must pass. `name` is pytest's, with the parameters."""
    for with_backend, without in ((f"[{backend}]", ""), (f"[{backend}-", "["), (f"-{backend}]", "]")):
        name = name.replace(with_backend, without)
    return DEVIATIONS.get(backend, {}).get(f"{file}::{name}", "")

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
    "test_barge_in.py",
    "test_baresip.py::test_baresip_calls",
    "test_calls.py",
    "test_command_line.py::test_the_demo",
    "test_ringing.py",
    "test_scenarios.py",
)
"""Files, or single functions of them."""

AT_ONCE: Mapping[str, int] = {OWN: 6, "pjsua2": 2}
"""So many scenarios are played at the same time: a build of PJSIP has a most of calls, and the wheel's is four."""

DEVIATIONS: Mapping[str, Mapping[str, str]] = {"pjsua2": {}}
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


def deviation(file: str, name: str, backend: str) -> str:
    """Why a run differs; "" if it must pass. `name` is pytest's, with the parameters."""
    for with_backend, without in ((f"[{backend}]", ""), (f"[{backend}-", "["), (f"-{backend}]", "]")):
        name = name.replace(with_backend, without)
    return DEVIATIONS.get(backend, {}).get(f"{file}::{name}", "")

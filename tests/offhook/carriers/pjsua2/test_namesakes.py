"""Functions that PJSIP finds in place of its own, in a process that has loaded it as a bot does."""

import importlib.util
import subprocess
import sys

import pytest

pytest.importorskip("offhook.telephony.native._frames", reason="the part in C was not built")
if importlib.util.find_spec("pjsua2") is None:
    pytest.skip("pjsua2 is not installed", allow_module_level=True)

NO_SOCKET = """
import ctypes
from offhook.carriers.pjsua2 import library
library.load()
print(ctypes.CDLL(None).pj_stun_sock_sendto(None, None, b"check", 5, 0, bytes(16), 16))
"""
INVALID_OPERATION = 70013
"""PJ_EINVALIDOP"""


def test_a_check_of_ice_in_a_call_that_has_ended_is_not_sent() -> None:
    """An assertion of PJSIP forbids it, and PJSIP's own timer does it."""
    done = subprocess.run([sys.executable, "-c", NO_SOCKET], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(INVALID_OPERATION)]

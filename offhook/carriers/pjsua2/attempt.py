"""A process that makes accounts of PJSIP, and writes a line for each: `python -m …attempt NUMBER [ipv6]`. Or it writes
the names of its codecs: `… codecs`; or how many calls it takes at once: `… calls`."""

import os
import resource
import sys

import pjsua2 as pj

from offhook.carriers.pjsua2 import library
from offhook.carriers.pjsua2.setup import WANTED_CALLS


def opened() -> pj.Endpoint:
    """PJSIP, without a thread. Raises PJSIP's errors, unless it ends the process."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    settings = pj.EpConfig()
    settings.uaConfig.maxCalls = WANTED_CALLS
    settings.uaConfig.threadCnt, settings.logConfig.level, settings.logConfig.consoleLevel = 0, 0, 0
    endpoint.libInit(settings)
    return endpoint


def make_accounts(endpoint: pj.Endpoint, wanted: int, *, ipv6: bool) -> None:
    """As many. Raises PJSIP's errors, unless it ends the process."""
    at = pj.TransportConfig()
    at.boundAddress = "127.0.0.1"
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, at)  # accounts need one
    kept = []
    for number in range(wanted):
        made = pj.AccountConfig()
        made.idUri = f"sip:{number}@127.0.0.1"
        if ipv6:
            made.mediaConfig.ipv6Use = pj.PJSUA_IPV6_ENABLED
        kept.append(pj.Account())
        kept[-1].create(made)
        os.write(1, b"account\n")


if __name__ == "__main__":
    pjsip = opened()
    if sys.argv[1] == "codecs":
        os.write(1, "".join(f"\ncodec {each.codecId}\n" for each in pjsip.codecEnum2()).encode())
    elif sys.argv[1] == "calls":
        os.write(1, f"\ncalls {library.frames().open_library(library.path_of(pj))}\n".encode())
    else:
        make_accounts(pjsip, int(sys.argv[1]), ipv6="ipv6" in sys.argv)
    os._exit(0)  # without taking PJSIP apart

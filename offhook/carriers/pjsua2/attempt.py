"""A process that makes accounts of PJSIP, and writes a line for each: `python -m …attempt NUMBER [ipv6]`."""

import os
import resource
import sys

import pjsua2 as pj


def main(wanted: int, *, ipv6: bool) -> None:
    """Raises PJSIP's errors, unless it ends the process."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    settings = pj.EpConfig()
    settings.uaConfig.threadCnt, settings.logConfig.level, settings.logConfig.consoleLevel = 0, 0, 0
    endpoint.libInit(settings)
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
    main(int(sys.argv[1]), ipv6="ipv6" in sys.argv)
    os._exit(0)  # without taking PJSIP apart

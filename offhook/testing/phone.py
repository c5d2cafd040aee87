"""The command `python -m offhook.testing.phone`: one call to a bot over SIP and RTP."""

import argparse
import asyncio
import json
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

from offhook.settings.sip_address import not_callable
from offhook.sip.errors import RemoteError
from offhook.sip.message.uri import Uri
from offhook.sip.net.address import Address
from offhook.telephony.net.ports import PortsExhaustedError
from offhook.testing import audio_files
from offhook.testing.sip_caller import Caller, CallFailedError
from offhook.usererror import UserError

USAGE = 2
SIP_PORT = 5060
ANSWER_S = 40.0
BYE_S = 0.2
HELP = """\
A caller over SIP and RTP, to test any bot that answers there.

It waits until the bot has spoken, says the recordings, presses keys, listens to the answers, hangs up, and prints what
happened as JSON.
"""
EXAMPLES = """\
examples:
  speak and press keys           sip:bot@127.0.0.1:5060 --say question.wav --press 1234
  another number of the bot      sip:+15551234567@127.0.0.1:5060
  interrupt the bot after 2 s    sip:bot@127.0.0.1:5060 --say question.wav --interrupt 2
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(
        prog="python -m offhook.testing.phone",
        description=HELP,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = found.add_argument
    add("uri", help="the number or name to call, sip:USER@HOST:PORT")
    add(
        "--say",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="a WAV file, 8 kHz mono 16-bit; repeatable",
    )
    add("--press", metavar="KEYS", default="", help="keys, after the recordings")
    add("--interrupt", metavar="S", type=float, help="speak so many seconds after the bot begins, not after it ends")
    add("--from", metavar="USER", dest="caller", default="caller", help="the caller's number or name (%(default)s)")
    add("--seconds", metavar="S", type=float, default=20.0, help="how long to wait for the bot each time (%(default)g)")
    add("--save", metavar="FILE", type=Path, help="write what the caller heard as a WAV file")
    return found


async def call(given: argparse.Namespace) -> dict[str, object]:
    """The call, and what happened in it. UserError for unusable options, CallFailedError if it is not answered."""
    recordings = [audio_files.to_say(path) for path in given.say]
    user, target = _target(given.uri)
    began, heard = monotonic(), bytearray()
    async with asyncio.timeout(ANSWER_S):
        caller = await Caller.dial(_own_address(target), target, user=given.caller, called=user)
    answered = monotonic()
    caller.line.add_listener(audio=lambda pcm, _at_tick, _at_s: heard.extend(pcm))
    try:
        with suppress(CallFailedError):  # the bot hung up
            await _talk(caller, given, recordings)
        by = "bot" if caller.over.is_set() else "caller"
        caller.hang_up()
        await asyncio.sleep(BYE_S)
    finally:
        caller.close()
    if given.save is not None:
        audio_files.save(given.save, bytes(heard))
    return {
        "called": given.uri,
        "answered_after_s": round(answered - began, 3),
        "seconds": round(monotonic() - answered - BYE_S, 3),
        "bot_spoke_times": caller.speech_meter.runs,
        "ended": {"by": by},
    }


async def _talk(caller: Caller, given: argparse.Namespace, recordings: list[bytes]) -> None:
    with suppress(TimeoutError):
        for pcm in recordings:
            turn = caller.listen() if given.interrupt is None else caller.listen_for(given.interrupt)
            await asyncio.wait_for(turn, given.seconds)
            await caller.say(pcm)
        await asyncio.wait_for(caller.listen(), given.seconds)
        if given.press:
            caller.press(given.press)
            await asyncio.wait_for(caller.listen(), given.seconds)


def _target(text: str) -> tuple[str, Address]:
    """The user to call, and the address."""
    todo = "sip:bot@127.0.0.1:5060"
    try:
        uri = Uri.parse(text)
    except RemoteError as error:
        raise not_callable(text, str(error), todo) from error
    if uri.scheme != "sip":
        raise not_callable(text, "it must begin with sip:", todo)
    port = uri.port or SIP_PORT
    try:
        found = socket.getaddrinfo(uri.host.strip("[]"), port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise not_callable(text, f"{uri.host}: {error.strerror}", todo) from error
    return uri.user or "bot", Address(str(found[0][4][0]), port)


def _own_address(target: Address) -> str:
    """This machine's address on the way to the target; nothing is sent."""
    with socket.socket(socket.AF_INET6 if ":" in target.host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((target.host, target.port))
        return str(probe.getsockname()[0])


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns the exit status: 1 when the bot did not take the call."""
    given = parser().parse_args(arguments)
    try:
        report = asyncio.run(call(given))
    except UserError as error:
        sys.stderr.write(error.render() + "\n")
        return USAGE
    except (CallFailedError, PortsExhaustedError, TimeoutError, OSError) as error:
        why = "it did not answer" if isinstance(error, TimeoutError) else str(error)
        problem = UserError(f"the bot at {given.uri} did not take the call", why, "offhook serve, and its address here")
        sys.stderr.write(problem.render() + "\n")
        return 1
    except KeyboardInterrupt:
        return 130
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

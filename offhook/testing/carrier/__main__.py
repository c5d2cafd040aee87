"""The command `python -m offhook.testing.carrier`: one call to a bot, as Twilio makes it."""

import argparse
import asyncio
import json
import os
import secrets
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from offhook.telephony.codec import PCMU
from offhook.testing import audio_files
from offhook.testing.carrier import Carrier, ask_twiml
from offhook.testing.carrier.playout import RATE_HZ
from offhook.testing.sip_caller import CallFailedError
from offhook.usererror import UserError

USAGE = 2
TOKEN = "OFFHOOK_TWILIO__AUTH_TOKEN"
CLOSE_WAIT_S = 0.5
HELP = """\
Twilio's side of a media stream, to test any bot that speaks it.

It waits until the bot has spoken, says the recordings, presses keys, listens to the answers, hangs up, and prints what
happened as JSON. The bot's audio is played as Twilio plays it: one chunk after the other in real time, marks returned
when the audio before them has been played, or at once when the bot clears it.
"""
EXAMPLES = """\
examples:
  the stream itself              ws://127.0.0.1:8080/twilio/media --say question.wav --press 1234
  the webhook first, signed      http://127.0.0.1:8080/twilio/voice --auth-token TOKEN --public-url https://bot.example.com
  interrupt the bot after 2 s    ws://127.0.0.1:8080/twilio/media --say question.wav --interrupt 2
  lose the connection, go on     http://127.0.0.1:8080/twilio/voice --auth-token TOKEN --drop 3
  a call that the bot placed     http://127.0.0.1:8080/twilio/voice --outbound --answered-by machine_start
"""


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="python -m offhook.testing.carrier",
        description=HELP,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = found.add_argument
    add("url", help="the bot's stream, ws:// or wss://; or its webhook, http:// or https://")
    add(
        "--say",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="a WAV file, 8 kHz mono 16-bit; repeatable",
    )
    add("--press", metavar="KEYS", default="", help="keys, after the recordings")
    add(
        "--interrupt",
        metavar="S",
        type=float,
        help="speak so many seconds after the bot begins, not after it ends",
    )
    add(
        "--drop",
        metavar="S",
        type=float,
        help="lose the connection so many seconds after the bot begins; the webhook is then asked again",
    )
    add("--from", metavar="NUMBER", dest="caller", default="+15550100", help="the caller's number (%(default)s)")
    add("--to", metavar="NUMBER", dest="called", default="+15550199", help="the called number (%(default)s)")
    add("--outbound", action="store_true", help="the bot has placed the call")
    add("--answered-by", metavar="WHO", help="answering machine detection: human, machine_start, fax")
    add("--parameter", metavar="NAME=VALUE", action="append", default=[], help="for customParameters; repeatable")
    add("--auth-token", metavar="TOKEN", default=os.environ.get(TOKEN), help=f"sign as Twilio does (default: ${TOKEN})")
    add("--public-url", metavar="URL", help="the URL that signatures cover, if it is not the URL given")
    add(
        "--seconds",
        metavar="S",
        type=float,
        default=20.0,
        help="how long to wait for the bot each time (%(default)g)",
    )
    add("--save", metavar="FILE", type=Path, help="write what was played to the caller as a WAV file")
    return found


class Script:
    """One call. UserError for unusable options, CallFailedError when the bot fails."""

    def __init__(self, given: argparse.Namespace) -> None:
        self._given = given
        self._call_sid = f"CA{secrets.token_hex(16)}"
        self._recordings = [audio_files.to_say(path) for path in given.say]
        self._parameters = dict(_pair(each) for each in given.parameter)
        self._by_webhook = urlsplit(given.url).scheme in ("http", "https")
        self._action = ""  # the URL that is asked when the stream has ended
        self._streams: list[Carrier] = []
        if not self._by_webhook and urlsplit(given.url).scheme not in ("ws", "wss"):
            raise UserError(
                f"`{given.url}` is not a bot's address",
                "a stream begins with ws:// or wss://, a webhook with http:// or https://",
                "ws://127.0.0.1:8080/twilio/media",
            )

    async def run(self) -> dict[str, object]:
        """The call, and what happened in it."""
        began = monotonic()
        call = await self._connect(self._given.url)
        try:
            with suppress(TimeoutError):
                call = await self._talk(call)
            await call.hang_up()
            ended: dict[str, object] = {"by": "caller"}
        except CallFailedError:
            call = self._streams[-1]
            code, reason = await call.closed_by_bot(CLOSE_WAIT_S)
            ended = {"by": "bot", "code": code, "reason": reason}
            await call.close()
        if self._action:
            ended["then"] = _first(await self._ask(self._action))
        return self._report(monotonic() - began, ended)

    async def _talk(self, call: Carrier) -> Carrier:
        given = self._given
        if given.drop is not None:
            await asyncio.wait_for(call.listen_for(given.drop), given.seconds)
            call = await self._reconnect(call)
        for pcm in self._recordings:
            turn = call.listen() if given.interrupt is None else call.listen_for(given.interrupt)
            await asyncio.wait_for(turn, given.seconds)
            await call.say(pcm)
        await asyncio.wait_for(call.listen(), given.seconds)
        if given.press:
            await call.press(given.press)
            await asyncio.wait_for(call.listen(), given.seconds)
        return call

    async def _reconnect(self, call: Carrier) -> Carrier:
        if not self._action:
            raise UserError(
                "the call cannot go on after a lost connection",
                "only a webhook's answer has the URL to ask then (`<Connect action=…>`), and there was none",
                "the webhook's URL, http://127.0.0.1:8080/twilio/voice, and --auth-token",
            )
        call.drop()
        return await self._connect(self._action)

    async def _connect(self, url: str) -> Carrier:
        given, parameters, signed_url = self._given, dict(self._parameters), None
        if self._by_webhook:
            response = await self._ask(url)
            stream = response.find("Connect/Stream")
            if stream is None:
                raise CallFailedError(f"the bot does not connect the call: {_first(response)}")
            self._action = (response.find("Connect") or Element("Connect")).get("action", "")
            parameters |= {each.get("name", ""): each.get("value", "") for each in stream.findall("Parameter")}
            signed_url = stream.get("url", "")
            url = self._reached(signed_url)
        else:
            parameters = {"from": given.caller, "to": given.called} | parameters
        call = await Carrier.dial(
            url,
            call_sid=self._call_sid,
            parameters=parameters,
            auth_token=given.auth_token,
            signed_url=signed_url or self._public(url),
        )
        self._streams.append(call)
        return call

    async def _ask(self, url: str) -> Element:
        given = self._given
        fields = {"CallSid": self._call_sid, "From": given.caller, "To": given.called, "CallStatus": "in-progress"}
        fields["Direction"] = "outbound-api" if given.outbound else "inbound"
        if given.answered_by:
            fields["AnsweredBy"] = given.answered_by
        reached = self._reached(url)
        try:
            return await asyncio.to_thread(
                ask_twiml, reached, fields, auth_token=given.auth_token, signed_url=self._public(reached)
            )
        except HTTPError as error:
            with error:
                raise CallFailedError(f"{reached}: {error.code} {error.reason}") from error
        except URLError as error:
            raise CallFailedError(f"{reached}: {error.reason}") from error

    def _reached(self, url: str) -> str:
        """A URL of the bot's as it is reached from here: at the host of the one that was given."""
        here, there = urlsplit(self._given.url), urlsplit(url)
        secure = here.scheme in ("https", "wss")
        scheme = ("wss" if secure else "ws") if there.scheme.startswith("ws") else here.scheme
        return there._replace(scheme=scheme, netloc=here.netloc).geturl()

    def _public(self, url: str) -> str:
        """A URL as Twilio would know it: what signatures are over."""
        if not self._given.public_url:
            return url
        base, there = urlsplit(self._given.public_url), urlsplit(url)
        scheme = base.scheme.replace("http", "ws") if there.scheme.startswith("ws") else base.scheme
        return there._replace(scheme=scheme, netloc=base.netloc).geturl()

    def _report(self, seconds: float, ended: dict[str, object]) -> dict[str, object]:
        logs = [call.log for call in self._streams]
        played = b"".join(bytes(log.played) for log in logs)
        if self._given.save is not None:
            audio_files.save(self._given.save, PCMU.decode(played))
        return {
            "call": self._call_sid,
            "seconds": round(seconds, 3),
            "streams": len(logs),
            "played_s": round(len(played) / RATE_HZ, 3),
            "messages": {
                "media": sum(log.media for log in logs),
                "mark": sum(log.marks for log in logs),
                "clear": sum(log.clears for log in logs),
            },
            "gaps_ms": [round(1_000 * gap) for call in self._streams for gap in call.buffer.gaps_s],
            "ended": ended,
        }


def _first(response: Element) -> str:
    """The first verb of a TwiML response."""
    for verb in response:
        return f"<{verb.tag}{''.join(f' {name}={value!r}' for name, value in verb.attrib.items())}>"
    return "an empty <Response>"


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise UserError(
            f"`{text}` is not a parameter", "it needs a name and a value", "--parameter NAME=VALUE", "--parameter"
        )
    return name, value


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns the exit status: 1 when the bot did not take the call."""
    given = parser().parse_args(arguments)
    try:
        report = asyncio.run(Script(given).run())
    except UserError as error:
        sys.stderr.write(error.render() + "\n")
        return USAGE
    except CallFailedError as error:
        problem = UserError(
            f"the bot at {given.url} did not take the call",
            str(error),
            "offhook serve, and its address here; --auth-token TOKEN if the bot has one",
        )
        sys.stderr.write(problem.render() + "\n")
        return 1
    except KeyboardInterrupt:
        return 130
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

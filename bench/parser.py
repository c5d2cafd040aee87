"""How many SIP messages a second are parsed, beside sipmessage and aiosipua on the same messages in the same run:

    python -m bench.parser
    python -m bench.parser --packages FOLDER       where the two are installed (`pip install --target FOLDER`)

"parsed" is the message alone, as far as each library goes at once; "read" has in addition what a user agent needs of
one, as values: Request-URI, all Vias, From, To, Call-ID, CSeq, Contacts and Max-Forwards; "written" is a parsed message
as bytes again. Every message is another call's; the libraries take turns, and the best of their rounds counts, in CPU
time. Exits with 1 where another library is faster.

The work is the same; the care is not. Both others take a bare line feed for a line's end or a part of a value, any text
for a name, and a Content-Length that is too large; aiosipua takes any text for a Via or a URI, too.
"""

import argparse
import gc
import importlib
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from offhook.sip.message import typed
from offhook.sip.message.message import Request
from offhook.sip.message.parser import parse
from offhook.sip.message.uri import Uri

MESSAGES = 2_000
ROUNDS = 7

KINDS = ("parsed", "read", "written")

Work: TypeAlias = Callable[[bytes], object]

_SDP = (
    "v=0\r\no=- {n} 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n"
)
_VIAS = (
    "Via: SIP/2.0/UDP 203.0.113.{host}:5060;branch=z9hG4bKp{n};rport\r\n"
    "Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKc{n};received=198.51.100.7\r\n"
)
_IDS = (
    'From: "Caller {n}" <sip:+49301{n}@198.51.100.7>;tag=f{n}\r\nTo: <sip:+4989{n}@bot.example.com>{to}\r\n'
    "Call-ID: {n}-a84b4c76e66710@198.51.100.7\r\n"
)
_SAID = (
    "Contact: <sip:+49301{n}@198.51.100.7:5060;transport=udp>\r\nRecord-Route: <sip:203.0.113.{host};lr>\r\n"
    "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, PRACK\r\nSupported: timer, 100rel, replaces\r\n"
    "Session-Expires: 1800;refresher=uac\r\nUser-Agent: trunk\r\n"
    "Content-Type: application/sdp\r\nContent-Length: {size}\r\n\r\n{sdp}"
)
_REQUEST = _VIAS + "Max-Forwards: 69\r\n" + _IDS
_EMPTY = "Content-Length: 0\r\n\r\n"
_KINDS = (
    "INVITE sip:+4989{n}@192.0.2.1 SIP/2.0\r\n" + _REQUEST + "CSeq: 1 INVITE\r\n" + _SAID,
    "SIP/2.0 200 OK\r\n" + _VIAS + _IDS + "CSeq: 1 INVITE\r\n" + _SAID,
    "ACK sip:offhook@192.0.2.1 SIP/2.0\r\n" + _REQUEST + "CSeq: 1 ACK\r\n" + _EMPTY,
    "BYE sip:offhook@192.0.2.1 SIP/2.0\r\n" + _REQUEST + "CSeq: 2 BYE\r\n" + _EMPTY,
)


def messages(count: int) -> list[bytes]:
    """INVITE with an offer, its 200, ACK and BYE, of `count` / 4 calls."""
    made = []
    for number in range(count):
        sdp = _SDP.format(n=number, port=10_000 + 2 * (number % 20_000))
        kind = _KINDS[number % len(_KINDS)]
        to = "" if number % len(_KINDS) == 0 else f";tag=t{number}"
        made.append(kind.format(n=number, host=number % 250, to=to, sdp=sdp, size=len(sdp)).encode())
    return made


def _read(data: bytes) -> object:
    message = parse(data)
    headers = (
        Uri.parse(message.uri) if isinstance(message, Request) else None,
        typed.vias(message),
        typed.from_(message),
        typed.to(message),
        typed.call_id(message),
        typed.cseq(message),
    )
    return headers, typed.contacts(message), typed.max_forwards(message)


def _sipmessage(module: Any) -> tuple[Work, Work]:
    def read(data: bytes) -> object:
        it = module.Message.parse(data)  # with its Request-URI
        return it.via, it.from_address, it.to_address, it.call_id, it.cseq, it.contact, it.max_forwards

    return module.Message.parse, read


def _aiosipua(module: Any) -> tuple[Work, Work]:
    uri_of = importlib.import_module("aiosipua.headers").parse_uri

    def read(data: bytes) -> object:
        it = module.SipMessage.parse(data)
        uri = uri_of(it.uri) if hasattr(it, "uri") else None
        forwards = it.headers.get("Max-Forwards")  # as text: it has no property for it
        return uri, it.via, it.from_addr, it.to_addr, it.call_id, it.cseq, it.contact, forwards

    return module.SipMessage.parse, read


_PEERS: tuple[tuple[str, str, Callable[[Any], tuple[Work, Work]]], ...] = (
    ("sipmessage", "sipmessage", _sipmessage),
    ("aiosipua", "aiosipua.message", _aiosipua),
)


def libraries() -> dict[str, tuple[Work, Work]]:
    """By name, ours first: (parsed, read). Those that are not installed are left out."""
    found: dict[str, tuple[Work, Work]] = {"offhook": (parse, _read)}
    for name, module, works in _PEERS:
        try:
            found[name] = works(importlib.import_module(module))
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return found


def measure(count: int = MESSAGES, rounds: int = ROUNDS) -> dict[str, dict[str, int]]:
    """Messages a second by library, for each of `KINDS`."""
    data, works = messages(count), libraries()
    made = {name: [parsed(each) for each in data] for name, (parsed, _) in works.items()}
    best = {name: dict.fromkeys(KINDS, float("inf")) for name in works}
    for _ in range(rounds):
        for name, (parsed, read) in works.items():
            for kind, work, given in (("parsed", parsed, data), ("read", read, data), ("written", bytes, made[name])):
                best[name][kind] = min(best[name][kind], _seconds(work, given))
    return {name: {kind: round(count / took) for kind, took in each.items()} for name, each in best.items()}


def _seconds(work: Callable[[Any], object], given: Sequence[object]) -> float:
    gc.collect()
    begun = time.process_time()
    for each in given:
        work(each)
    return time.process_time() - begun


def slower(rates: dict[str, dict[str, int]]) -> list[str]:
    """At which of `KINDS` ours is slower than another."""
    return [kind for kind in KINDS if rates["offhook"][kind] < max(each[kind] for each in rates.values())]


def main() -> None:
    options = argparse.ArgumentParser(
        prog="python -m bench.parser", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--packages", type=Path, help="a folder with sipmessage and aiosipua")
    options.add_argument("--messages", type=int, default=MESSAGES)
    options.add_argument("--rounds", type=int, default=ROUNDS)
    given = options.parse_args()
    if given.packages is not None:
        sys.path.append(str(given.packages))
    rates = measure(given.messages, given.rounds)
    print("messages a second" + "".join(f"{kind:>12}" for kind in KINDS))
    for name, each in rates.items():
        print(f"{name:17}" + "".join(f"{each[kind]:12,}" for kind in KINDS))
    if kinds := slower(rates):
        sys.exit(f"slower than another: {', '.join(kinds)}")


if __name__ == "__main__":
    main()

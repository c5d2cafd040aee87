"""A call that is made up, with a far end that would like to run scripts in who reads of it."""

from dataclasses import replace

from offhook.qa.caller.recorder import Packet
from offhook.qa.caller.sip_message import SipMessage
from offhook.qa.report.recording import Recording, placed
from offhook.qa.result import Result
from offhook.qa.verdict.judge import Deviation
from offhook.qa.verdict.observed import BotTurn, CallerSound, Gap, MediaFigures, Message, ObservedCall
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Flow, Transport
from offhook.telephony.codec.g711 import PCMU
from offhook.telephony.wire import rtp
from tests.qa.prompts import prompt

EVIL = '"\'><img src=x onerror="window.evil=1"><script>window.evil=1</script>\u202e'
CALLER_END, BOT_END = ("127.0.0.1", 20_000), ("127.0.0.1", 40_000)
ZERO_S, BEGAN_S = 1_000.0, 1_800_000_000.0
FLOW = Flow(Transport.UDP, Address("127.0.0.1", 5_070), Address("127.0.0.1", 5_060))

_HEAD = (
    f"Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\nFrom: <sip:qa@x>;tag=1\r\nCall-ID: c1\r\nX-Evil: {EVIL}\r\n"
)


def _sdp(port: int) -> str:
    return (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
    )


def _message(at_s: float, received: bool, first: str, cseq: str, body: str = "") -> SipMessage:
    kind = "Content-Type: application/sdp\r\n" if body else ""
    text = f"{first}\r\n{_HEAD}CSeq: {cseq}\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
    return SipMessage(ZERO_S + at_s, received, text.encode(), FLOW)


def messages() -> tuple[SipMessage, ...]:
    return (
        _message(0.0, False, "INVITE sip:bot@127.0.0.1 SIP/2.0", "1 INVITE", _sdp(20_000)),
        _message(0.01, True, "SIP/2.0 100 Trying", "1 INVITE"),
        _message(0.05, True, "SIP/2.0 180 Ringing", "1 INVITE"),
        _message(0.2, True, f"SIP/2.0 200 {EVIL}", "1 INVITE", _sdp(40_000)),
        _message(0.21, False, "ACK sip:bot@127.0.0.1 SIP/2.0", "1 ACK"),
        _message(10.0, True, "BYE sip:qa@127.0.0.1 SIP/2.0", "2 BYE"),
    )


def _packets(pcm: bytes, began_s: float, ssrc: int, *, sent: bool) -> list[Packet]:
    ends = (CALLER_END, BOT_END) if sent else (BOT_END, CALLER_END)
    found = []
    for number in range(len(pcm) // 320):
        payload = PCMU.encode(pcm[320 * number : 320 * (number + 1)])
        data = rtp.build(rtp.RtpPacket(0, number == 0, 7 + number, 160 * number, ssrc, payload))
        found.append(Packet(ZERO_S + began_s + 0.02 * number, data, *ends))
    return found


def recording() -> Recording:
    """A call of ten seconds: a greeting, a question, its answer, and a key over it."""
    greeting, question, hours = prompt("greeting"), prompt("balance"), prompt("hours")
    question_s, hours_s = 6.5, 8.0
    seen = ObservedCall(
        answered_s=0.2,
        ended_s=10.0,
        ended_by="bot",
        turns=(
            BotTurn(0.3, 0.3 + len(greeting) / 16_000, -20.0, ((EVIL, 0.0),), None),
            BotTurn(hours_s, hours_s + len(hours) / 16_000, -21.0, (), EVIL),
        ),
        sounds=(
            CallerSound("speech", EVIL, question_s, question_s + len(question) / 16_000),
            CallerSound("keys", "12", 8.98, 9.08),
        ),
        gaps=(Gap(8.5, 40.0, True),),
        media=MediaFigures(300, 2, 0.7, 0, 3.2, agreed="PCMU", sent=400),
        messages=tuple(Message(each.at_s - ZERO_S, each.received, each.text) for each in messages()),
        record={"transcript": [{"who": "bot", "text": EVIL, "at_s": 0.1}, {"who": "caller", "text": "x", "at_s": 4.0}]},
    )
    packets = _packets(greeting, 0.3, 1, sent=False) + _packets(question, question_s, 2, sent=True)
    caller = placed([(question_s, question)])
    bot = placed([(0.3, greeting), (hours_s, hours)])
    length = max(len(caller), len(bot))
    both = caller.ljust(length, b"\0"), bot.ljust(length, b"\0")
    return Recording(seen, *both, BEGAN_S, ZERO_S, "c1", tuple(packets), messages())


def results() -> list[Result]:
    """One that failed, and one that passed; the names, too, are the far end's."""
    details = {
        "figures": {"response_ms": [{"value": 480.0, "at_s": 8.0}], "barge_in_ms": [{"value": 200.0, "at_s": 8.98}]},
    }
    findings = (
        Deviation("gap_ms", f"a gap {EVIL}", f"it was {EVIL}", 8.5, 7),
        Deviation("ended", "no BYE", "none came"),
    )
    bad = Result(f"bad {EVIL}", f"{EVIL}.yaml", 9.5, findings, details, (f"heard: {EVIL}",), recording=recording())
    return [bad, replace(bad, name="good", findings=(), repeat=2), Result("uac_short", "uac_short.xml", 0.2)]

"""Redirect, Hangup, Reject, what is not done, and errors."""

from twilio.twiml.voice_response import VoiceResponse

from offhook.twiml.agent import APOLOGY
from tests.offhook.twiml.table import HOST, Case, Page, built, written

FIRST = "POST /voice CallStatus=ringing"
SORRY = (APOLOGY,)
STANDARD = (
    "POST /voice CallSid=* AccountSid=* ApiVersion=2010-04-01 Direction=inbound From=+15550001111 To=+15552223333 "
    "Caller=+15550001111 Called=+15552223333 CallStatus=ringing"
)


def _thanks(response: VoiceResponse) -> None:
    response.say("Thank you.")


def _verb(name: str, inner: str = "") -> Case:
    pages = written(f"<{name}>{inner}</{name}><Say>Next.</Say>")
    return Case(f"{name} is skipped.", pages, ("Next.",), (FIRST,), reports=(f"{name} is not done",))


CONTROL = [
    Case("The parameters of every request.", built(_thanks), ("Thank you.",), (STANDARD,)),
    Case("An empty document ends the call.", built(lambda r: r), (), (FIRST,)),
    Case(
        "Redirect goes on with another document.",
        built(lambda r: r.redirect("/next"), next=_thanks),
        ("Thank you.",),
        (FIRST, "POST /next CallStatus=ringing"),
    ),
    Case(
        "By GET.",
        built(lambda r: r.redirect("/next", method="GET"), next=_thanks),
        ("Thank you.",),
        (FIRST, "GET /next CallSid=*"),
    ),
    Case(
        "Its address may be relative.",
        written("<Redirect>next?step=2</Redirect>", next="<Say>Hi.</Say>"),
        ("Hi.",),
        (FIRST, "POST /next"),
    ),
    Case(
        "What follows it does not run.",
        built(lambda r: (r.redirect("/next"), r.say("Never.")), next=_thanks),
        ("Thank you.",),
        (FIRST, "POST /next"),
    ),
    Case(
        "It answers nothing: the next document may reject.",
        built(lambda r: r.redirect("/next"), next=lambda r: r.reject()),
        (),
        (FIRST, "POST /next"),
        end="refused 603",
    ),
    Case(
        "Documents that go round in a circle end with an error.",
        built(lambda r: r.redirect("/voice")),
        SORRY,
        tuple(["POST /voice"] * 31),
        reports=("error 12400",),
    ),
    Case(
        "So do those whose pauses take no time.",
        written('<Pause length="0"/><Redirect>/voice</Redirect>'),
        SORRY,
        tuple(["POST /voice"] * 31),
        reports=("error 12400",),
    ),
    Case("Hangup ends the call.", built(lambda r: (r.say("Bye."), r.hangup(), r.say("Never."))), ("Bye.",), (FIRST,)),
    Case("A Hangup that comes first answers, and hangs up.", built(lambda r: r.hangup()), (), (FIRST,)),
    Case("Reject refuses the call.", built(lambda r: r.reject()), (), (FIRST,), end="refused 603"),
    Case("As busy.", built(lambda r: r.reject(reason="busy")), (), (FIRST,), end="refused 486"),
    Case(
        "A reason that is none is rejected.",
        written('<Reject reason="tired"/>'),
        (),
        (FIRST,),
        end="refused 603",
        reports=("reason=`tired`",),
    ),
    Case("A Reject behind other verbs hangs up.", built(lambda r: (r.say("Bye."), r.reject())), ("Bye.",), (FIRST,)),
]

NOT_DONE = [
    _verb("Sms", "Hello"),
    _verb("Message", "Hello"),
    _verb("Pay"),
    _verb("Prompt"),
    _verb("Refer", "<Sip>sip:a@b.example</Sip>"),
    _verb("Start", "<Stream url='wss://ivr.example.com/m'/>"),
    _verb("Stop"),
    _verb("Echo"),
    Case(
        "A verb that there is not is skipped.",
        written("<Sing/><Say>Next.</Say>"),
        ("Next.",),
        (FIRST,),
        reports=("no verb <Sing>",),
    ),
    Case(
        "Names of verbs have their case.",
        written("<say>No.</say><Say>Yes.</Say>"),
        ("Yes.",),
        (FIRST,),
        reports=("no verb <say>",),
    ),
    Case("Text between verbs is skipped.", written("Hello <Say>Next.</Say> you"), ("Next.",), (FIRST,)),
]


def _page(body: str, kind: str = "text/xml", status: int = 200, **headers: str) -> dict[str, Page]:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return {"/voice": Page(body, kind, status, named), "/next": Page("<Response><Say>Thank you.</Say></Response>")}


def _error(about: str, pages: dict[str, Page], code: int) -> Case:
    return Case(about, pages, SORRY, (FIRST,), reports=(f"error {code}",))


ERRORS = [
    _error("A document that is no XML.", _page("<Response><Say>Hi</Response>"), 12_100),
    _error("An empty one.", _page(""), 12_100),
    _error("An & that is not written as &amp;.", _page("<Response><Say>A & B</Say></Response>"), 12_100),
    _error("A root that is not Response.", _page("<Answer/>"), 12_102),
    _error("A document type.", _page('<!DOCTYPE r [<!ENTITY a "b">]><Response><Say>&a;</Say></Response>'), 12_100),
    _error("An entity that is not XML's own.", _page("<Response><Say>&nbsp;</Say></Response>"), 12_100),
    _error("More than 64 KB.", _page(f"<Response><Say>{'word ' * 14_000}</Say></Response>"), 11_750),
    _error("More elements than are read.", _page(f"<Response>{'<Pause/>' * 1_001}</Response>"), 12_100),
    _error("Elements too deep within each other.", _page(f"<Response>{'<Say>' * 9}{'</Say>' * 9}</Response>"), 12_100),
    _error("HTTP 500.", _page("", status=500), 11_200),
    _error("HTTP 404.", _page("", status=404), 11_200),
    _error("No server.", _page("", status=0), 11_205),
    _error("A content type that is none of TwiML's.", _page("{}", "application/json"), 12_300),
    Case(
        "application/xml is TwiML.",
        _page("<Response><Say>Hi.</Say></Response>", "application/xml; charset=utf-8"),
        ("Hi.",),
        (FIRST,),
    ),
    Case("A text is said.", _page("Hello, world.", "text/plain"), ("Hello, world.",), (FIRST,)),
    Case("A sound is played.", _page("", "audio/wav"), (), (FIRST,), takes_s=(0.5, 1.0)),
    Case(
        "An HTTP redirect is followed by GET.",
        _page("", status=302, location="/next"),
        ("Thank you.",),
        (FIRST, "GET /next !CallSid"),
    ),
    Case(
        "307 keeps method and parameters.",
        _page("", status=307, location="/next"),
        ("Thank you.",),
        (FIRST, "POST /next CallSid=*"),
    ),
    _error("An HTTP redirect to another server.", _page("", status=302, location="https://elsewhere.example/"), 11_210),
    Case(
        "HTTP redirects in a circle.",
        _page("", status=307, location="/voice"),
        SORRY,
        tuple(["POST /voice"] * 11),
        reports=("error 11215",),
    ),
    Case(
        "The fallback URL gets the error.",
        {**_page("", status=500), "/fallback": Page("<Response><Say>Call later.</Say></Response>")},
        ("Call later.",),
        (FIRST, f"POST /fallback ErrorCode=11200 ErrorUrl={HOST}/voice"),
        options={"fallback_url": f"{HOST}/fallback"},
        reports=("error 11200",),
    ),
    Case(
        "If that fails as well the call ends.",
        _page("", status=500),
        SORRY,
        (FIRST, "POST /fallback ErrorCode=11200"),
        options={"fallback_url": f"{HOST}/fallback"},
        reports=("error 11200",),
    ),
    Case(
        "A Redirect to a server that documents may not name.",
        built(lambda r: r.redirect("https://elsewhere.example/voice")),
        SORRY,
        (FIRST,),
        reports=("error 11210",),
    ),
    Case(
        "A Redirect to what is no URL.",
        written("<Redirect>ftp://ivr.example.com/a</Redirect>"),
        SORRY,
        (FIRST,),
        reports=("error 11100",),
    ),
    Case(
        "The fallback URL is asked for what is no address at all, too.",
        {**written("<Redirect>http://[</Redirect>"), "/fallback": Page("<Response><Say>Call later.</Say></Response>")},
        ("Call later.",),
        (FIRST, "POST /fallback ErrorCode=11100 ErrorUrl=http://["),
        options={"fallback_url": f"{HOST}/fallback"},
        reports=("error 11100",),
    ),
    Case(
        "The status URL learns of the end.",
        built(_thanks, status=_thanks),
        ("Thank you.",),
        (FIRST, "POST /status CallStatus=completed CallDuration=* Timestamp=* CallbackSource=call-progress-events"),
        options={"status_url": f"{HOST}/status"},
    ),
    Case(
        "That of a call that was refused, too.",
        built(lambda r: r.reject(), status=_thanks),
        (),
        (FIRST, "POST /status CallStatus=no-answer !CallDuration"),
        options={"status_url": f"{HOST}/status"},
        end="refused 603",
    ),
    Case(
        "And when the caller hangs up.",
        built(lambda r: r.say("A sentence that takes a while to say."), status=_thanks),
        ("A sentence",),
        (FIRST, "POST /status CallStatus=completed"),
        ("begins A sentence", "waits 0.7", "hangs up"),
        "caller",
        options={"status_url": f"{HOST}/status"},
    ),
]

"""What callers hear in an Enqueue: documents of a `waitUrl`."""

from typing import Any

from twilio.twiml.voice_response import Gather, VoiceResponse

from offhook.api.queued import Queued
from offhook.queues.orders import QueueEnd
from tests.offhook.twiml.table import Build, Case, Page, built, written

FIRST = "POST /voice CallStatus=ringing"
STANDS = "QueuePosition=* QueueSid=* QueueTime=* AvgQueueTime=* CurrentQueueSize=*"
WAIT = f"POST /wait CallStatus=in-progress {STANDS}"
LEFT = "POST /next QueueResult=leave QueueSid=* QueueTime=*"
HUNG_UP = "POST /next CallStatus=completed QueueResult=hangup QueueTime=*"
SLOW: dict[str, Any] = {"queued": Queued(end=QueueEnd.TIMEOUT), "rings_s": 60.0, "shown": "/wait"}
"""A queue in which nobody answers."""

GOES: dict[str, Any] = {"caller": ("waits 4", "hangs up"), "end": "caller"}


def _enqueue(response: VoiceResponse) -> None:
    response.enqueue("slow", wait_url="/wait", action="/next")


def _thanks(response: VoiceResponse) -> None:
    response.say("Thank you.")


def _waits(about: str, wait: Build, *lines: str, **options: Any) -> Case:
    """A caller who waits, and leaves by Leave: `lines` are requests and, behind "says", what is said."""
    said = tuple(line.removeprefix("says ") for line in lines if line.startswith("says "))
    asked = tuple(line for line in lines if not line.startswith("says "))
    pages = {**built(_enqueue, wait=wait, next=_thanks), **options.pop("pages", {})}
    return Case(about, pages, (*said, "Thank you."), (FIRST, *asked, LEFT), **{**SLOW, **options})


def _hangs_up(about: str, page: Page | None, *asked: str, reports: tuple[str, ...] = ()) -> Case:
    pages = {**built(_enqueue), **({} if page is None else {"/wait": page})}
    options = {**SLOW, "shown": "/voice"} if page is None else SLOW
    return Case(about, pages, (), (FIRST, *asked, HUNG_UP), reports=reports, **GOES, **options)


def _gather(response: VoiceResponse) -> None:
    gather = Gather(action="/left", num_digits=1, timeout=2)
    gather.say("Press one to leave.")
    response.append(gather)


WAIT_DOCUMENTS = [
    Case(
        "The caller hears the document, and Leave has the one behind Enqueue go on.",
        built(
            lambda r: (r.enqueue("slow", wait_url="/wait"), r.say("Goodbye.")),
            wait=lambda r: (r.say("Please wait."), r.leave()),
        ),
        ("Please wait.", "Goodbye."),
        (FIRST, WAIT),
        **SLOW,
    ),
    _waits("The action learns of it.", lambda r: (r.say("Please wait."), r.leave()), "says Please wait.", WAIT),
    Case(
        "By GET.",
        built(
            lambda r: r.enqueue("slow", wait_url="/wait", wait_url_method="GET", action="/next"),
            wait=lambda r: r.leave(),
            next=_thanks,
        ),
        ("Thank you.",),
        (FIRST, f"GET /wait {STANDS}", LEFT),
        **SLOW,
    ),
    _waits(
        "When it has ended it is asked for again, and a Gather works in it.",
        _gather,
        "says Press one to leave.",
        "says Press one to leave.",
        WAIT,
        WAIT,
        f"POST /left Digits=1 {STANDS}",
        caller=("hears Press one to leave.", "hears Press one to leave.", "presses 1"),
        pages=built(_enqueue, left=lambda r: r.leave()),
    ),
    _waits(
        "Keys are its own: `leave_key` has no effect.",
        lambda r: (r.say("Please wait for somebody."), r.pause(length=3), r.leave()),
        "says Please wait for somebody.",
        WAIT,
        caller=("waits 1", "presses 0"),
        takes_s=(5.0, 12.0),
    ),
    _waits(
        "Play, Pause and Redirect.",
        lambda r: (r.play("a.wav"), r.pause(length=1), r.redirect("/more")),
        "says One.",
        WAIT,
        f"POST /more {STANDS}",
        pages=built(_enqueue, more=lambda r: (r.say("One."), r.leave())),
    ),
    Case(
        "Hangup ends the call.",
        built(_enqueue, wait=lambda r: (r.say("We are closed."), r.hangup())),
        ("We are closed.",),
        (FIRST, WAIT, HUNG_UP),
        **SLOW,
    ),
    Case(
        "An agent who answers ends it at once.",
        built(
            lambda r: r.enqueue("late", wait_url="/wait", action="/next"),
            wait=lambda r: r.play("a.wav", loop=0),
            next=_thanks,
        ),
        ("Thank you.",),
        (FIRST, WAIT, "POST /next QueueResult=bridged !QueueTime"),
        queued=Queued("anna"),
        rings_s=4.0,
        shown="/wait",
        takes_s=(4.0, 40.0),
    ),
    _hangs_up(
        "When the caller hangs up the action learns of it.",
        Page("<Response><Gather timeout='60'><Pause length='30'/></Gather></Response>"),
        WAIT,
    ),
    _waits(
        "What it cannot have is left out.",
        lambda r: (r.record(), r.dial("+15557654321"), r.say("Please wait."), r.leave()),
        "says Please wait.",
        WAIT,
        reports=("Record is left out", "Dial is left out"),
    ),
    _hangs_up(
        "One that says nothing: the queue's music, and it is asked for again every 10 s.",
        Page("<Response/>"),
        WAIT,
    ),
    _hangs_up("One that is not there: the queue's music.", None, "POST /wait", reports=("error 11200",)),
    _hangs_up("One that is no TwiML.", Page("{}", "application/json"), WAIT, reports=("error 12300",)),
    _hangs_up("One that is no XML.", Page("<Response><Say>Hi"), WAIT, reports=("error 12100",)),
    _hangs_up("A server that is down.", Page("", status=0), WAIT, reports=("error 11205",)),
    Case(
        "An empty waitUrl is none.",
        written('<Enqueue waitUrl="" action="/next">slow</Enqueue>', next="<Say>Thank you.</Say>"),
        ("Thank you.",),
        (FIRST, LEFT),
        ("waits 2", "presses 0"),
        queued=Queued(end=QueueEnd.LEFT),
    ),
    Case(
        "Leave is for such documents: elsewhere it is left out.",
        built(lambda r: (r.leave(), r.say("Next."))),
        ("Next.",),
        (FIRST,),
        reports=("Leave is left out",),
    ),
]

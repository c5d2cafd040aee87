"""Record, Dial and Connect."""

from typing import Any

from twilio.twiml.voice_response import Connect, Dial, VoiceResponse

from offhook.api.queued import Queued
from offhook.api.taken import Taken
from offhook.queues.orders import QueueEnd
from offhook.settings.queues import no_queue
from offhook.transfer.outcome import TransferError, TransferFailure, Transferred
from offhook.twiml.agent import APOLOGY
from offhook.twiml.parameters import call_sid
from tests.offhook.twiml.table import Build, Case, built, written

FIRST = "POST /voice CallStatus=ringing"
RECORDED = "RecordingUrl=* RecordingSid=* RecordingDuration=*"
CALL_OUT = "CallSid=* ParentCallSid=* Direction=outbound-dial CallbackSource=call-progress-events"
ALL_EVENTS = "initiated ringing answered completed"
BEEP = "waits 1.5"
TAKEN = Taken("a caller", talked_s=12.4)
TWO_CALLS = "it takes two calls"
TALKED = Transferred("+15557654321", "bridge", returned=True, talked_s=12.4)


def _thanks(response: VoiceResponse) -> None:
    response.say("Thank you.")


def _failed(reason: TransferFailure) -> TransferError:
    return TransferError(reason, "not connected", "for a test")


RECORD = [
    Case(
        "A message ends with 5 seconds of silence.",
        built(lambda r: r.record(action="/next"), next=_thanks),
        ("Thank you.",),
        (FIRST, f"POST /next {RECORDED} Digits="),
        (BEEP, "says this is what I wanted"),
        takes_s=(7.5, 12.0),
    ),
    Case(
        "Or with timeout.",
        built(lambda r: r.record(action="/next", timeout=2), next=_thanks),
        ("Thank you.",),
        (FIRST, f"POST /next {RECORDED}"),
        (BEEP, "says this is what I wanted"),
        takes_s=(4.5, 8.0),
    ),
    Case(
        "Or with any key, which the action gets.",
        built(lambda r: r.record(action="/next"), next=_thanks),
        ("Thank you.",),
        (FIRST, f"POST /next {RECORDED} Digits=7"),
        (BEEP, "says this is what I wanted", "presses 7"),
        takes_s=(3.0, 6.0),
    ),
    Case(
        "Or with those of finishOnKey alone.",
        built(lambda r: r.record(action="/next", finish_on_key="#"), next=_thanks),
        ("Thank you.",),
        (FIRST, "POST /next RecordingDuration=* Digits=#"),
        (BEEP, "says this is what I wanted", "presses 7", "waits 1", "presses #"),
    ),
    Case(
        "Or after maxLength.",
        built(lambda r: r.record(action="/next", max_length=2), next=_thanks),
        ("Thank you.",),
        (FIRST, "POST /next RecordingDuration=2"),
        (BEEP, "says this goes on and on and on and on and on and on and on"),
    ),
    Case(
        "When nothing is said the document goes on.",
        built(lambda r: (r.record(action="/next"), r.say("Nothing was said."))),
        ("Nothing was said.",),
        (FIRST,),
        takes_s=(5.0, 10.0),
    ),
    Case(
        "When the caller hangs up the action is asked for all the same.",
        built(lambda r: r.record(action="/next"), next=_thanks),
        (),
        (FIRST, f"POST /next {RECORDED} Digits=hangup CallStatus=completed"),
        (BEEP, "says this is what I wanted", "hangs up"),
        "caller",
    ),
    Case(
        "Without a beep.",
        built(lambda r: r.record(action="/next", play_beep=False, timeout=1), next=_thanks),
        ("Thank you.",),
        (FIRST, f"POST /next {RECORDED}"),
        ("waits 0.2", "says this is what I wanted"),
        takes_s=(2.5, 5.0),
    ),
    Case(
        "do-not-trim keeps the silence at the end.",
        built(lambda r: r.record(action="/next", timeout=3, trim="do-not-trim"), next=_thanks),
        ("Thank you.",),
        (FIRST, "POST /next RecordingDuration=4"),
        ("waits 0.6", "says this is what I wanted"),
    ),
    Case(
        "recordingStatusCallback learns when it is there.",
        built(
            lambda r: r.record(action="/next", timeout=2, recording_status_callback="/status"),
            next=_thanks,
            status=_thanks,
        ),
        ("Thank you.",),
        (FIRST, "POST /next Digits=", f"POST /status {RECORDED} RecordingStatus=completed RecordingSource=RecordVerb"),
        (BEEP, "says this is what I wanted"),
    ),
    Case(
        "And when it begins, or is empty, if that is wanted.",
        built(
            lambda r: r.record(
                recording_status_callback="/status", recording_status_callback_event="in-progress absent"
            ),
            status=_thanks,
        ),
        (),
        (FIRST, "POST /status RecordingStatus=in-progress", "POST /status RecordingStatus=absent"),
    ),
    Case(
        "It is empty, too, where the caller hangs up without a word.",
        built(
            lambda r: r.record(
                recording_status_callback="/status", recording_status_callback_event="in-progress absent"
            ),
            status=_thanks,
        ),
        (),
        (FIRST, "POST /status RecordingStatus=in-progress", "POST /status RecordingStatus=absent"),
        ("waits 2.5", "hangs up"),
        "caller",
    ),
    Case(
        "Transcriptions are not done.",
        built(lambda r: r.record(action="/next", transcribe=True, transcribe_callback="/text"), next=_thanks),
        ("Thank you.",),
        (FIRST, f"POST /next {RECORDED}"),
        (BEEP, "says this is what I wanted"),
        reports=("Record transcribe is not done",),
    ),
    Case(
        "Without an action the document's own address is asked for.",
        written("<Record timeout='1'/>"),
        (),
        (FIRST, f"POST /voice {RECORDED}"),
        (BEEP, "says this is what I wanted", "waits 3", "hangs up"),
        "caller",
    ),
]


def _dial(number: str = "+15557654321", after: str = "", **attributes: Any) -> Build:
    def build(response: VoiceResponse) -> None:
        response.dial(number, **attributes)
        if after:
            response.say(after)

    return build


def _several(*numbers: str, **attributes: Any) -> Build:
    def build(response: VoiceResponse) -> None:
        dial = Dial(action="/next", **attributes)
        for number in numbers:
            dial.number(number)
        dial.sip("sip:desk480@pbx.example")
        response.append(dial)

    return build


def _told(*numbers: str, events: str = "") -> Build:
    def build(response: VoiceResponse) -> None:
        dial = Dial(action="/next")
        for number in numbers:
            dial.number(number, status_callback="/progress", status_callback_event=events)
        response.append(dial)

    return build


def _conference(response: VoiceResponse) -> None:
    dial = Dial(action="/next")
    dial.conference("Room 1")
    response.append(dial)


def _queue(name: str = "support", **dial: Any) -> Build:
    def build(response: VoiceResponse) -> None:
        verb = Dial(**dial)
        verb.queue(name)
        response.append(verb)
        if "action" not in dial:
            response.say("Goodbye.")

    return build


UNREACHED = {
    "+15550000404": _failed(TransferFailure.UNREACHABLE),
    "+15550000480": _failed(TransferFailure.NO_ANSWER),
    "+15550000486": _failed(TransferFailure.BUSY),
}


def _ended(about: str, reason: TransferFailure, status: str, number: str) -> Case:
    pages = built(_dial(number, action="/next"), next=_thanks)
    asked = (FIRST, f"POST /next DialCallStatus={status} DialCallSid=* !DialCallDuration")
    return Case(about, pages, ("Thank you.",), asked, to=number, ends=_failed(reason))


DIAL = [
    Case(
        "A number, and the document goes on when they have talked.",
        built(_dial(after="Goodbye.")),
        ("Goodbye.",),
        (FIRST,),
        to="+15557654321",
        ends=TALKED,
    ),
    Case(
        "The action gets how long they have talked.",
        built(_dial(action="/next"), next=_thanks),
        ("Thank you.",),
        (FIRST, "POST /next DialCallStatus=completed DialCallDuration=12 DialCallSid=*"),
        to="+15557654321",
        ends=TALKED,
    ),
    _ended("Busy.", TransferFailure.BUSY, "busy", "+15550000486"),
    _ended("Declined is busy.", TransferFailure.DECLINED, "busy", "+15550000603"),
    _ended("No answer.", TransferFailure.NO_ANSWER, "no-answer", "+15550000480"),
    _ended("Not reached.", TransferFailure.UNREACHABLE, "failed", "+15550000404"),
    _ended("A number that [transfer] does not allow.", TransferFailure.NOT_ALLOWED, "failed", "+4930000000"),
    Case(
        "A SIP address.",
        written("<Dial><Sip>sip:desk@pbx.example;transport=tcp?x-id=1</Sip></Dial>"),
        (),
        (FIRST,),
        to="sip:desk@pbx.example;transport=tcp",
        ends=TALKED,
        only_simulated="by TCP",
    ),
    Case(
        "Several ring at the same time, and nobody answers.",
        built(_several("+1 555 000-0486", "+1 555 000-0404"), next=_thanks),
        ("Thank you.",),
        (FIRST, "POST /next DialCallStatus=no-answer !DialCallDuration"),
        to="+15550000486, +15550000404, sip:desk480@pbx.example",
        ends=_failed(TransferFailure.NO_ANSWER),
    ),
    Case(
        "Who answers first has the caller.",
        built(_several("+1 555 000-0486", "+1 555 765-4321"), next=_thanks),
        ("Thank you.",),
        (FIRST, "POST /next DialCallStatus=completed DialCallDuration=12"),
        to="+15550000486, +15557654321, sip:desk480@pbx.example",
        ends=TALKED,
    ),
    Case(
        "sequential: one after the other.",
        built(_several("+1 555 000-0486", sequential=True), next=_thanks),
        ("Thank you.",),
        (FIRST, "POST /next DialCallStatus=no-answer"),
        to="+15550000486, sip:desk480@pbx.example",
        ends=_failed(TransferFailure.NO_ANSWER),
    ),
    Case(
        "The status URL of a number learns how its call goes on.",
        built(_told("+15557654321", events=ALL_EVENTS), next=_thanks, progress=_thanks),
        ("Thank you.",),
        (
            FIRST,
            f"POST /progress {CALL_OUT} CallStatus=initiated To=+15557654321",
            f"POST /progress {CALL_OUT} CallStatus=ringing To=+15557654321",
            f"POST /progress {CALL_OUT} CallStatus=in-progress To=+15557654321",
            "POST /next DialCallStatus=completed DialCallSid=*",
            f"POST /progress {CALL_OUT} CallStatus=completed CallDuration=12",
        ),
        to="+15557654321",
        ends=TALKED,
    ),
    Case(
        "Without statusCallbackEvent of its end alone.",
        built(_told("+15550000486"), next=_thanks, progress=_thanks),
        ("Thank you.",),
        (
            FIRST,
            "POST /next DialCallStatus=busy",
            f"POST /progress {CALL_OUT} CallStatus=busy To=+15550000486 !CallDuration",
        ),
        to="+15550000486",
        ends=_failed(TransferFailure.BUSY),
    ),
    Case(
        "Each learns what became of its own call.",
        built(_told(*UNREACHED), next=_thanks, progress=_thanks),
        ("Thank you.",),
        (
            FIRST,
            "POST /next DialCallStatus=no-answer DialCallSid=*",
            f"POST /progress {CALL_OUT} CallStatus=failed To=+15550000404",
            f"POST /progress {CALL_OUT} CallStatus=no-answer To=+15550000480",
            f"POST /progress {CALL_OUT} CallStatus=busy To=+15550000486",
        ),
        to=", ".join(UNREACHED),
        ends=UNREACHED,
    ),
    Case(
        "One that [transfer] does not allow fails, and its call never begins.",
        built(_told("+4930000000", "+15557654321", events=ALL_EVENTS), next=_thanks, progress=_thanks),
        ("Thank you.",),
        (
            FIRST,
            "POST /next DialCallStatus=completed DialCallDuration=12",
            f"POST /progress {CALL_OUT} CallStatus=initiated To=+15557654321",
            f"POST /progress {CALL_OUT} CallStatus=failed To=+4930000000",
            f"POST /progress {CALL_OUT} CallStatus=ringing To=+15557654321",
            f"POST /progress {CALL_OUT} CallStatus=in-progress To=+15557654321",
            f"POST /progress {CALL_OUT} CallStatus=completed CallDuration=12 To=+15557654321",
        ),
        to="+4930000000, +15557654321",
        ends={"+4930000000": _failed(TransferFailure.NOT_ALLOWED), "+15557654321": TALKED},
    ),
    Case(
        "When the caller hangs up both learn of it: while they talk.",
        built(_told("+15557654321", events=ALL_EVENTS), next=_thanks, progress=_thanks),
        (),
        (
            FIRST,
            "POST /next CallStatus=completed DialCallStatus=completed DialCallSid=* DialCallDuration=*",
            f"POST /progress {CALL_OUT} CallStatus=initiated",
            f"POST /progress {CALL_OUT} CallStatus=ringing",
            f"POST /progress {CALL_OUT} CallStatus=in-progress",
            f"POST /progress {CALL_OUT} CallStatus=completed CallDuration=*",
        ),
        ("waits 4", "hangs up"),
        "caller",
        to="+15557654321",
        ends=TALKED,
    ),
    Case(
        "And while it rings.",
        built(_told("+15550000180", events=ALL_EVENTS), next=_thanks, progress=_thanks),
        (),
        (
            FIRST,
            "POST /next CallStatus=completed DialCallStatus=no-answer DialCallSid=* !DialCallDuration",
            f"POST /progress {CALL_OUT} CallStatus=initiated",
            f"POST /progress {CALL_OUT} CallStatus=ringing",
            f"POST /progress {CALL_OUT} CallStatus=canceled !CallDuration",
        ),
        ("waits 4", "hangs up"),
        "caller",
        to="+15550000180",
        ends=_failed(TransferFailure.NO_ANSWER),
        rings_s=30.0,
    ),
    Case(
        "answerOnBridge: the caller's call is answered when theirs is.",
        built(_dial(answer_on_bridge=True), next=_thanks),
        (),
        (FIRST,),
        to="+15557654321",
        ends=TALKED,
    ),
    Case(
        "A caller who is connected by the network does not come back.",
        built(_dial(action="/next")),
        (),
        (FIRST,),
        to="+15557654321",
        end="transferred",
        ends=Transferred("+15557654321", "refer"),
        only_simulated="of Twilio's own streams",
    ),
    Case(
        "The caller's number of the other call is the trunk's.",
        built(_dial(caller_id="+15550000000")),
        (),
        (FIRST,),
        to="+15557654321",
        ends=TALKED,
        reports=("Dial callerId is not done",),
    ),
    Case(
        "Such calls are not recorded.",
        built(_dial(record="record-from-answer")),
        (),
        (FIRST,),
        to="+15557654321",
        ends=TALKED,
        reports=("Dial record is not done",),
    ),
    Case(
        "A conference is not done: the call fails.",
        built(_conference, next=_thanks),
        ("Thank you.",),
        (FIRST, "POST /next DialCallStatus=failed"),
        reports=("Dial Conference is not done",),
    ),
    Case(
        "The next caller of a queue, and the document goes on when they have talked.",
        built(_queue()),
        ("Goodbye.",),
        (FIRST,),
        taken=TAKEN,
        only_simulated=TWO_CALLS,
    ),
    Case(
        "The action gets how long they have talked, and the CallSid of the caller.",
        built(_queue(action="/next"), next=_thanks),
        ("Thank you.",),
        (FIRST, f"POST /next DialCallStatus=completed DialCallSid={call_sid('a caller')} DialCallDuration=12"),
        taken=TAKEN,
        only_simulated=TWO_CALLS,
    ),
    Case(
        "When the agent hangs up the action is asked for, too.",
        built(_queue(action="/next"), next=_thanks),
        (),
        (FIRST, "POST /next CallStatus=completed DialCallStatus=completed DialCallDuration=5"),
        ("waits 5.2", "hangs up"),
        end="caller",
        taken=TAKEN,
        only_simulated=TWO_CALLS,
    ),
    Case(
        "Nobody comes within timeout.",
        built(_queue("nobody", action="/next", timeout=3), next=_thanks),
        ("Thank you.",),
        (FIRST, "POST /next DialCallStatus=no-answer !DialCallSid"),
        takes_s=(3, 20),
    ),
    Case(
        "A queue that the settings do not have fails.",
        built(_queue("suport", action="/next"), next=_thanks),
        ("Thank you.",),
        (FIRST, "POST /next DialCallStatus=failed"),
        taken=no_queue("suport", ["support"]),
        reports=("error 12400",),
    ),
    Case(
        "Whispers to the caller, and TaskRouter's reservations, are not done.",
        written(
            "<Dial timeout='1'><Queue url='/whisper' method='GET' reservationSid='WR1'>nobody</Queue></Dial>"
            "<Say>Goodbye.</Say>"
        ),
        ("Goodbye.",),
        (FIRST,),
        reports=("Queue url is not done", "Queue reservationSid is not done"),
    ),
    Case(
        "Who else is called in the same Dial is left out.",
        written("<Dial timeout='1'><Queue>nobody</Queue><Number>+15557654321</Number></Dial><Say>Goodbye.</Say>"),
        ("Goodbye.",),
        (FIRST,),
        reports=("<Dial> has a Queue, and others to call",),
    ),
    Case(
        "A timeout that is no number counts as 30.",
        written("<Dial timeout='soon'>+15557654321</Dial>"),
        (),
        (FIRST,),
        to="+15557654321",
        ends=TALKED,
        reports=("timeout=`soon`",),
    ),
]


def _enqueue(about: str, queued: Queued, result: str, *more: str, queue: str = "support", **options: Any) -> Case:
    pages = built(lambda r: r.enqueue(queue, action="/next"), next=_thanks)
    asked = " ".join((f"POST /next QueueResult={result} QueueSid=*", *more))
    return Case(about, pages, ("Thank you.",), (FIRST, asked), queued=queued, **options)


LEAVES = {"caller": ("waits 2", "presses 0")}

ENQUEUE = [
    Case(
        "A queue of the settings.",
        built(lambda r: r.enqueue("support")),
        (),
        (FIRST,),
        to="support",
        end="transferred",
        only_simulated="the simulated queue keeps them",
    ),
    Case(
        "The document goes on when they have talked to an agent.",
        built(lambda r: (r.enqueue("support"), r.say("Goodbye."))),
        ("Goodbye.",),
        (FIRST,),
        queued=Queued("anna"),
    ),
    _enqueue("The action learns of it.", Queued("anna"), "bridged", "!QueueTime"),
    _enqueue(
        "Of callers who leave by the key.", Queued(end=QueueEnd.LEFT), "leave", "QueueTime=*", queue="slow", **LEAVES
    ),
    _enqueue(
        "Of a queue that is full.",
        Queued(end=QueueEnd.FULL),
        "queue-full",
        only_simulated="a queue has one place at least",
    ),
    _enqueue("Of one in which nobody is there.", Queued(end=QueueEnd.NO_AGENTS), "error", queue="closed"),
    Case(
        "Who is to be called back does not come back now.",
        built(lambda r: r.enqueue("support", action="/next")),
        (),
        (FIRST,),
        queued=Queued(end=QueueEnd.CALL_BACK),
        only_simulated="call-backs are tested with queues",
    ),
    Case(
        "Of a queue that the settings do not have the action learns, too.",
        built(lambda r: r.enqueue("suport", action="/next"), next=_thanks),
        ("Thank you.",),
        (FIRST, "POST /next QueueResult=error"),
        queued=no_queue("suport", ["support"]),
        reports=("error 12400",),
    ),
    Case(
        "Without an action it is an error.",
        built(lambda r: r.enqueue("suport")),
        (APOLOGY,),
        (FIRST,),
        queued=no_queue("suport", ["support"]),
        reports=("error 12400",),
    ),
    Case(
        "A task of TaskRouter is not done.",
        written('<Enqueue workflowSid="WW1"><Task>{}</Task></Enqueue><Say>Goodbye.</Say>'),
        ("Goodbye.",),
        (FIRST,),
        reports=("Enqueue workflowSid is not done",),
    ),
]


def _stream(url: str) -> Build:
    def build(response: VoiceResponse) -> None:
        connect = Connect(action="/next")
        connect.stream(url=url)
        response.append(connect)

    return build


CONNECT = [
    Case(
        "A stream to a server that documents may not name fails, and the action is asked for.",
        built(_stream("wss://elsewhere.example/media"), next=_thanks),
        ("Thank you.",),
        (FIRST, "POST /next"),
        reports=("error 11210",),
    ),
    Case(
        "A stream is a WebSocket.",
        built(_stream("https://ivr.example.com/media"), next=_thanks),
        ("Thank you.",),
        (FIRST, "POST /next"),
        reports=("error 11100",),
    ),
    Case(
        "Other things to connect to are not done.",
        written("<Connect><Room>one</Room></Connect><Say>Next.</Say>"),
        ("Next.",),
        (FIRST,),
        reports=("Connect Room is not done",),
    ),
]

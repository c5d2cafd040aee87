"""Gather."""

from typing import Any

from twilio.twiml.voice_response import Gather, VoiceResponse

from tests.offhook.twiml.table import Build, Case, Page, built, written

FIRST = "POST /voice CallStatus=ringing"
NEXT = "<Say>Thank you.</Say>"
THANKS = ("Thank you.",)


def _gather(text: str = "Your number?", after: str = "", **attributes: Any) -> Build:
    def build(response: VoiceResponse) -> None:
        gather = Gather(**{"action": "/next", **attributes})
        if text:
            gather.say(text)
        response.append(gather)
        if after:
            response.say(after)

    return build


def _thanks(response: VoiceResponse) -> None:
    response.say("Thank you.")


def _mixed(response: VoiceResponse) -> None:
    gather = Gather(action="/next", num_digits=1)
    gather.say("For sales, press one.")
    gather.pause(length=2)
    gather.play("a.wav")
    gather.say("For help, press two.")
    response.append(gather)


def _keyed(about: str, caller: tuple[str, ...], digits: str, said: str = "Your number?", **attributes: Any) -> Case:
    """A Gather whose action gets these digits."""
    pages = built(_gather(**attributes), next=_thanks)
    return Case(about, pages, (said, *THANKS), (FIRST, f"POST /next Digits={digits} !SpeechResult"), caller)


KEYS = [
    _keyed("# ends an entry.", ("hears number", "presses 4711#"), "4711"),
    _keyed("So does the last of numDigits.", ("hears number", "presses 12"), "12", num_digits=2),
    _keyed("So do 5 seconds without a key.", ("hears number", "presses 12"), "12"),
    _keyed("finishOnKey: *", ("hears number", "presses 12*"), "12", finish_on_key="*"),
    _keyed("finishOnKey may be a digit.", ("hears number", "presses 125"), "12", finish_on_key="5"),
    _keyed(
        "finishOnKey may be none: then # ends an entry, and is part of it.",
        ("hears number", "presses 1#"),
        '"1#"',
        finish_on_key="",
    ),
    _keyed("* is a key like others in a menu.", ("hears number", "presses *"), '"*"', num_digits=1),
    _keyed(
        "timeout between the keys.", ("hears number", "presses 1", "waits 3", "presses 2", "waits 9"), "12", timeout=8
    ),
    Case(
        "A key interrupts what is said.",
        built(_gather("A sentence that takes a while to say.", num_digits=1), next=_thanks),
        ("A sentence", *THANKS),
        (FIRST, "POST /next Digits=1"),
        ("begins A sentence", "waits 0.6", "presses 1"),
    ),
    Case(
        "Not with bargeIn=false: it counts when that has been said.",
        built(_gather("A sentence that takes a while to say.", num_digits=1, barge_in=False), next=_thanks),
        ("A sentence that takes a while to say.", *THANKS),
        (FIRST, "POST /next Digits=1"),
        ("begins A sentence", "waits 0.6", "presses 1"),
    ),
    Case(
        "Speech is none, and does not interrupt.",
        built(_gather("A sentence that takes a while to say.", "Nothing came."), next=_thanks),
        ("A sentence that takes a while to say.", "Nothing came."),
        (FIRST,),
        ("begins A sentence", "says hello"),
    ),
    Case(
        "What was keyed during a Say before is forgotten.",
        written('<Say>Please hold the line.</Say><Gather action="/next"/><Say>Nothing came.</Say>'),
        ("Please hold the line.", "Nothing came."),
        (FIRST,),
        ("begins Please", "presses 1"),
    ),
    Case(
        "Without a key the document goes on.",
        built(_gather(after="Nothing came.")),
        ("Your number?", "Nothing came."),
        (FIRST,),
        takes_s=(5.5, 8.0),
    ),
    Case(
        "timeout before the first key.",
        built(_gather(after="Nothing came.", timeout=2)),
        ("Your number?", "Nothing came."),
        (FIRST,),
        takes_s=(2.5, 5.0),
    ),
    Case(
        "With actionOnEmptyResult the action is asked for all the same.",
        built(_gather(action_on_empty_result=True), next=_thanks),
        ("Your number?", *THANKS),
        (FIRST, "POST /next Digits="),
    ),
    Case(
        "A lone # is no entry.",
        built(_gather(after="Nothing came.")),
        ("Your number?", "Nothing came."),
        (FIRST,),
        ("hears number", "presses #"),
    ),
    Case(
        "By GET.",
        built(_gather(method="GET"), next=_thanks),
        ("Your number?", *THANKS),
        (FIRST, "GET /next Digits=7 CallSid=* From=+15550001111"),
        ("hears number", "presses 7#"),
    ),
    Case(
        "Without an action the document's own address is asked for.",
        {"/voice": Page("<Response><Gather numDigits='1'><Say>Press.</Say></Gather></Response>")},
        ("Press.", "Press."),
        (FIRST, "POST /voice Digits=3 CallStatus=in-progress"),
        ("hears Press", "presses 3", "hears Press", "hangs up"),
        "caller",
    ),
    Case(
        "Say, Pause and Play are nested.",
        built(_mixed),
        ("For sales, press one. For help, press two.",),
        (FIRST,),
        takes_s=(9.5, 13.0),
    ),
    Case(
        "A key ends a nested pause.",
        built(_mixed, next=_thanks),
        ("For sales, press one.", *THANKS),
        (FIRST, "POST /next Digits=1"),
        ("begins For", "waits 2.5", "presses 1"),
        takes_s=(2.5, 5.0),
    ),
    Case(
        "A nested text is repeated.",
        written('<Gather><Say loop="2">Press a key.</Say></Gather>'),
        ("Press a key. Press a key.",),
        (FIRST,),
    ),
    Case(
        "A nested sound that is not there is left out.",
        written("<Gather><Play>/missing.wav</Play><Say>Press a key.</Say></Gather>"),
        ("Press a key.",),
        (FIRST,),
        reports=("11200",),
    ),
    Case(
        "Nothing need be nested.",
        written('<Gather action="/next" numDigits="1"/>', next=NEXT),
        THANKS,
        (FIRST, "POST /next Digits=9"),
        ("waits 1", "presses 9"),
    ),
    Case(
        "Other verbs cannot be nested.",
        written("<Gather timeout='1'><Dial>123</Dial></Gather><Say>Next.</Say>"),
        ("Next.",),
        (FIRST,),
        reports=("cannot have <Dial>",),
    ),
    Case(
        "numDigits that is no number is none.",
        written('<Gather action="/next" numDigits="many"><Say>Press.</Say></Gather>', next=NEXT),
        ("Press.", *THANKS),
        (FIRST, "POST /next Digits=12"),
        ("hears Press", "presses 12#"),
        reports=("numDigits=`many`",),
    ),
    Case(
        "An input that is none is dtmf.",
        written('<Gather input="video" action="/next"><Say>Press.</Say></Gather>', next=NEXT),
        ("Press.", *THANKS),
        (FIRST, "POST /next Digits=1"),
        ("hears Press", "presses 1#"),
        reports=("input=`video`",),
    ),
    Case(
        "finishOnKey that is no key counts as #.",
        written('<Gather action="/next" finishOnKey="x"><Say>Press.</Say></Gather>', next=NEXT),
        ("Press.", *THANKS),
        (FIRST, "POST /next Digits=1"),
        ("hears Press", "presses 1#"),
        reports=("finishOnKey",),
    ),
]

SPOKEN = ("POST /next", "SpeechResult='opening hours'", "Confidence=1", "!Digits")

SPEECH = [
    Case(
        "Speech is recognised.",
        built(_gather("How can I help?", input="speech"), next=_thanks),
        ("How can I help?", *THANKS),
        (FIRST, " ".join(SPOKEN)),
        ("hears help", "says opening hours"),
    ),
    Case(
        "It interrupts what is said.",
        built(_gather("A sentence that takes a while to say.", input="speech"), next=_thanks),
        ("A sentence", *THANKS),
        (FIRST, "POST /next SpeechResult='opening hours'"),
        ("begins A sentence", "waits 0.6", "says opening hours"),
    ),
    Case(
        "Keys do not count with speech alone.",
        built(_gather("How can I help?", "Nothing came.", input="speech")),
        ("How can I help?", "Nothing came."),
        (FIRST,),
        ("hears help", "presses 1"),
    ),
    Case(
        "Speech where both count.",
        built(_gather("How can I help?", input="dtmf speech"), next=_thanks),
        ("How can I help?", *THANKS),
        (FIRST, " ".join(SPOKEN)),
        ("hears help", "says opening hours"),
    ),
    Case(
        "Keys where both count.",
        built(_gather("How can I help?", input="dtmf speech", num_digits=1), next=_thanks),
        ("How can I help?", *THANKS),
        (FIRST, "POST /next Digits=2 !SpeechResult"),
        ("hears help", "presses 2"),
    ),
    Case(
        "speechTimeout: a longer pause within what is said.",
        built(_gather("How can I help?", input="speech", speech_timeout="3"), next=_thanks),
        ("How can I help?", *THANKS),
        (FIRST, "POST /next SpeechResult='opening hours please'"),
        ("hears help", "says opening hours", "waits 1.2", "says please"),
    ),
    Case(
        "speechTimeout=auto is the bot's own judgement.",
        built(_gather("How can I help?", input="speech", speech_timeout="auto"), next=_thanks),
        ("How can I help?", *THANKS),
        (FIRST, "POST /next SpeechResult='opening hours'"),
        ("hears help", "says opening hours"),
        takes_s=(2.0, 4.0),
    ),
    Case(
        "hints are likely, and others count as well.",
        built(
            _gather("How can I help?", input="speech", hints="sales, opening hours, $OOV_CLASS_DIGIT_SEQUENCE"),
            next=_thanks,
        ),
        ("How can I help?", *THANKS),
        (FIRST, "POST /next SpeechResult='something else'"),
        ("hears help", "says something else"),
    ),
    Case(
        "A hint that is said.",
        built(_gather("How can I help?", input="speech", hints="sales, opening hours"), next=_thanks),
        ("How can I help?", *THANKS),
        (FIRST, "POST /next SpeechResult='opening hours'"),
        ("hears help", "says opening hours"),
    ),
    Case(
        "A silent caller: the document goes on.",
        built(_gather("How can I help?", "Nothing came.", input="speech", timeout=3)),
        ("How can I help?", "Nothing came."),
        (FIRST,),
        takes_s=(4.0, 7.0),
    ),
    Case(
        "With actionOnEmptyResult the result is empty.",
        built(_gather("How can I help?", input="speech", action_on_empty_result=True), next=_thanks),
        ("How can I help?", *THANKS),
        (FIRST, "POST /next SpeechResult="),
    ),
    Case(
        "A language that the recogniser does not know is left out.",
        built(_gather("How can I help?", input="speech", language="fr-FR"), next=_thanks),
        ("How can I help?", *THANKS),
        (FIRST, "POST /next SpeechResult='opening hours'"),
        ("hears help", "says opening hours"),
        languages=("en-US",),
        only_simulated="of another engine",
        reports=("language fr-FR is left out",),
    ),
    Case(
        "The recogniser's model is chosen by [asr].",
        built(
            _gather(
                "How can I help?", input="speech", speech_model="phone_call", enhanced=True, profanity_filter=False
            ),
            next=_thanks,
        ),
        ("How can I help?", *THANKS),
        (FIRST, "POST /next SpeechResult='opening hours'"),
        ("hears help", "says opening hours"),
    ),
    Case(
        "partialResultCallback gets the words so far.",
        built(
            _gather("How can I help?", input="speech", partial_result_callback="/partial"),
            next=_thanks,
            partial=_thanks,
        ),
        ("How can I help?", *THANKS),
        (
            FIRST,
            "POST /partial UnstableSpeechResult='opening hours' SequenceNumber=0",
            "POST /next SpeechResult='opening hours'",
        ),
        ("hears help", "says opening hours"),
    ),
    Case(
        "One that fails is reported, and changes nothing.",
        built(_gather("How can I help?", input="speech", partial_result_callback="/nowhere"), next=_thanks),
        ("How can I help?", *THANKS),
        (FIRST, "POST /nowhere", "POST /next SpeechResult='opening hours'"),
        ("hears help", "says opening hours"),
        reports=("11200",),
    ),
]

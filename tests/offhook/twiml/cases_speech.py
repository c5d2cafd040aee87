"""Say, Play and Pause."""

from importlib.util import find_spec

from twilio.twiml.voice_response import Say, VoiceResponse

from tests.offhook.twiml.table import MEDIA_HOST, Case, built, written

FIRST = ("POST /voice CallStatus=ringing",)
LONG = "word " * 900
OF_ENGINE = "of another engine"


def _marked(response: VoiceResponse) -> None:
    said = Say("One")
    said.break_(strength="strong", time="500ms")
    said.say_as("42", interpret_as="characters")
    response.append(said)


def _other_marks(response: VoiceResponse) -> None:
    said = Say("")
    said.p("First.")
    said.prosody("Second.", rate="slow")
    said.emphasis("Third.", level="strong")
    said.sub("W3C", alias="World Wide Web Consortium")
    response.append(said)


SAY = [
    Case(
        "A text is said, and the call ends with the document.",
        written("<Say>Hello there.</Say>"),
        ("Hello there.",),
        FIRST,
    ),
    Case("Blanks and line breaks are one blank.", written("<Say>\n  Hello   there.\n</Say>"), ("Hello there.",), FIRST),
    Case(
        "Entities of XML are read.",
        written("<Say>Smith &amp; Sons &lt;3</Say>"),
        ("Smith & Sons <3",),
        FIRST,
        heard="Smith and Sons less than 3",
    ),
    Case("CDATA is text.", written("<Say><![CDATA[You & me]]></Say>"), ("You & me",), FIRST, heard="You and me"),
    Case("Comments are skipped.", written("<!-- hi --><Say>He<!-- x -->llo.</Say>"), ("Hello.",), FIRST),
    Case("An empty Say says nothing.", written("<Say/><Say>Next.</Say>"), ("Next.",), FIRST),
    Case("Verbs run in their order.", built(lambda r: (r.say("One."), r.say("Two."))), ("One.", "Two."), FIRST),
    Case("A text is said twice.", built(lambda r: r.say("Again.", loop=2)), ("Again.", "Again."), FIRST),
    Case(
        "loop=0 goes on until the caller hangs up.",
        built(lambda r: r.say("On and on.", loop=0)),
        ("On and on.", "On and on."),
        FIRST,
        caller=("hears On and on.", "hears On and on.", "hangs up"),
        end="caller",
    ),
    Case(
        "A loop that is no number counts as 1.",
        written('<Say loop="often">Once.</Say>'),
        ("Once.",),
        FIRST,
        reports=("warning 12200",),
    ),
    Case("The language is the voice's.", built(lambda r: r.say("Hallo.", language="de-DE")), ("Hallo.",), FIRST),
    Case(
        "A language that the voice does not know is left out.",
        built(lambda r: r.say("Hallo.", language="de-DE")),
        ("Hallo.",),
        FIRST,
        languages=("en-US",),
        only_simulated=OF_ENGINE,
        reports=("language de-DE is left out",),
    ),
    Case(
        "A language that is none is left out.",
        written('<Say language="not a language">Hello.</Say>'),
        ("Hello.",),
        FIRST,
        reports=("warning 12200",),
    ),
    Case(
        "The voice alice is Twilio's own.",
        built(lambda r: r.say("Hello.", voice="alice")),
        ("Hello.",),
        FIRST,
        reports=("voice alice is left out",),
    ),
    Case(
        "So are Polly's.",
        built(lambda r: r.say("Hello.", voice="Polly.Joanna")),
        ("Hello.",),
        FIRST,
        reports=("voice Polly.Joanna is left out",),
    ),
    Case("A voice of the engine is used.", built(lambda r: r.say("Hello.", voice="slt")), ("Hello.",), FIRST),
    Case("Pauses and say-as of SSML.", built(_marked), ("One 4 2",), FIRST, takes_s=(0.9, 2.0)),
    Case(
        "Of other marks the text is said.",
        built(_other_marks),
        ("First. Second. Third. World Wide Web Consortium",),
        FIRST,
    ),
    Case(
        "An attribute that Say does not have is reported.",
        written('<Say tempo="fast">Hello.</Say>'),
        ("Hello.",),
        FIRST,
        reports=("has no attribute `tempo`",),
    ),
    Case(
        "Of a text of more than 4096 characters the beginning is said.",
        written(f"<Say>{LONG}</Say>"),
        (LONG[:4096].strip(),),
        FIRST,
        reports=("more than 4096",),
        only_simulated="it takes four minutes",
    ),
    Case(
        "Keys do not interrupt a Say.",
        built(lambda r: r.say("This is a long sentence.")),
        ("This is a long sentence.",),
        FIRST,
        caller=("begins This", "presses 1"),
    ),
]

PLAY = [
    Case("A sound is played.", built(lambda r: r.play("https://ivr.example.com/a.wav")), (), FIRST, takes_s=(0.5, 1.0)),
    Case("Its address may be relative.", written("<Play>/a.wav</Play>"), (), FIRST, takes_s=(0.5, 1.0)),
    Case("It is played three times.", built(lambda r: r.play("a.wav", loop=3)), (), FIRST, takes_s=(1.5, 2.5)),
    Case(
        "loop=0 plays until the caller hangs up.",
        built(lambda r: r.play("a.wav", loop=0)),
        (),
        FIRST,
        caller=("waits 10", "hangs up"),
        end="caller",
        takes_s=(9.9, 11.0),
    ),
    Case(
        "A sound that is not there is reported, and the document goes on.",
        built(lambda r: (r.play("/missing.wav"), r.say("Next."))),
        ("Next.",),
        FIRST,
        reports=("11200: HTTP 404",),
    ),
    Case(
        "An MP3 that is none is reported.",
        built(lambda r: (r.play("/music.mp3"), r.say("Next."))),
        ("Next.",),
        FIRST,
        reports=("11200: MP3 needs" if find_spec("soundfile") is None else "11200: it is no MP3",),
    ),
    Case(
        "A server that documents may not name is not asked.",
        built(lambda r: (r.play("https://elsewhere.example/a.wav"), r.say("Next."))),
        ("Next.",),
        FIRST,
        reports=("11210",),
    ),
    Case(
        "One of `hosts` is.",
        built(lambda r: r.play(f"{MEDIA_HOST}/a.wav")),
        (),
        FIRST,
        options={"hosts": ("media.example",)},
        takes_s=(0.5, 1.0),
    ),
    Case(
        "Keys are pressed, with pauses.",
        built(lambda r: r.play(None, digits="1w2W#")),
        (),
        FIRST,
        keys="12#",
        takes_s=(2.0, 3.0),
    ),
    Case(
        "What is no key is reported.",
        written('<Play digits="12x"/>'),
        (),
        FIRST,
        reports=("no keys", "neither a URL nor digits"),
    ),
    Case(
        "A Play without anything is reported.",
        written("<Play/><Say>Next.</Say>"),
        ("Next.",),
        FIRST,
        reports=("neither a URL nor digits",),
    ),
]

PAUSE = [
    Case("A second.", built(lambda r: (r.say("A."), r.pause())), ("A.",), FIRST, takes_s=(1.1, 1.5)),
    Case("So many seconds.", built(lambda r: (r.say("A."), r.pause(length=7))), ("A.",), FIRST, takes_s=(7.1, 7.5)),
    Case("None at all.", written('<Say>A.</Say><Pause length="0"/>'), ("A.",), FIRST, takes_s=(0.1, 0.5)),
    Case(
        "A length that is no number counts as 1.",
        written('<Say>A.</Say><Pause length="-3"/>'),
        ("A.",),
        FIRST,
        reports=("warning 12200",),
        takes_s=(1.1, 1.5),
    ),
    Case(
        "A Pause that comes first is before the answer.",
        built(lambda r: (r.pause(length=3), r.reject())),
        (),
        FIRST,
        end="refused 603",
        takes_s=(3.0, 3.5),
    ),
]

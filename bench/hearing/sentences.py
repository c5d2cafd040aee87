"""Questions, and what synthetic voices say to them, in two sets.

No weight and no threshold was chosen on either: the network was trained on random words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from offhook.pipeline.dialog.digits import fitting_digits, spoken_digits
from offhook.pipeline.events import Choice, DigitRule, Question
from offhook.pipeline.understanding.menu import match


@dataclass(frozen=True)
class Case:
    """A question, its right answers, and the same with words of courtesy around them."""

    name: str
    question: Question
    right: tuple[str, ...]
    courteous: tuple[str, ...]

    def meaning(self, text: str) -> str | None:
        """The choice or the digits that `text` stands for."""
        if self.question.digits is None:
            found = match(text, self.question.choices)
            return None if found is None else found.choice
        digits = spoken_digits(text)
        return None if digits is None else fitting_digits(digits, self.question.digits)


def _choices(name: str, phrases: Sequence[str], courteous: Sequence[str]) -> Case:
    question = Question(choices=tuple(Choice(phrase, (phrase,)) for phrase in phrases))
    return Case(name, question, tuple(phrases), tuple(courteous))


_FIRST_CASES = (
    _choices("yes, no", ["yes", "no"], ["yes please", "no thanks", "um no", "uh yes please"]),
    _choices("one to five", ["one", "two", "three", "four", "five"], ["uh three", "number four please", "five please"]),
    _choices(
        "sales, support …",
        ["sales", "support", "billing", "operator"],
        ["i'd like support", "sales please", "uh billing", "operator please"],
    ),
    _choices(
        "confirm, reschedule …",
        ["confirm", "reschedule", "call me back"],
        ["i'd like to confirm", "please call me back", "uh reschedule please"],
    ),
    _choices(
        "two to seven words",
        ["table for two", "take away", "private dining room", "gift card", "talk to the manager about my bill"],
        ["um take away", "i want to talk to the manager about my bill", "gift card please"],
    ),
    Case(
        "digits",
        Question(digits=DigitRule(1, 8)),
        (
            "seven three one",
            "six oh eight four",
            "double nine three",
            "two four six eight",
            "five one",
            "three zero six",
        ),
        ("um seven three one", "six eight four please"),
    ),
)

_FIRST_OTHERS = """\
pineapple|excuse me|pardon|perhaps later|hold on please|i am not sure|say that again|it is raining outside
next wednesday|the cat is on the garden wall|give me a minute|who am i talking to|i would like some fresh bread
i can not hear you|good morning|let me talk to a human|i need to look that up|drive along the river
that makes no sense to me|one moment|my name is peter baker|what day is today|something else|it is broken
what were the choices|is it expensive|you sound like a robot|my wife knows about that|coffee with milk and sugar
the bus did not come|where are you located|merry christmas|doctor williams is away|please talk more slowly
umbrella|twenty visitors|she wanted to call on monday|another day|television|i did not buy anything
all right then|goodness|wooden table legs|turn the radio off|red and purple flowers"""

_SECOND_CASES = (
    _choices("yes, no again", ["yes", "no"], ["yes please", "no thank you", "well yes"]),
    _choices(
        "monday to saturday",
        ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday"],
        ["friday please", "um tuesday"],
    ),
    _choices(
        "book, change, cancel",
        ["book a flight", "change my flight", "cancel"],
        ["i want to book a flight", "cancel please"],
    ),
    _choices(
        "balance, transfer …",
        ["balance", "transfer money", "lost card", "agent"],
        ["i'd like to transfer money", "agent please"],
    ),
    _choices("small, medium, large", ["small", "medium", "large"], ["large please", "uh medium"]),
    _choices("english, spanish …", ["english", "spanish", "french"], ["english please"]),
    _choices("one, two, three", ["one", "two", "three"], ["number two", "three please"]),
    _choices(
        "times of day",
        ["in the morning", "in the afternoon", "tonight", "tomorrow at noon"],
        ["in the morning please"],
    ),
    Case(
        "four digits",
        Question(digits=DigitRule(4, 4)),
        ("one nine zero four", "eight eight two five", "three oh seven six", "nine two one one"),
        ("it's one nine zero four",),
    ),
)

_SECOND_OTHERS = """\
banana|i do not know|hold on a second|what did you say|could you repeat that|let me think about it|hmm
never mind|my dog is barking|i have a question about my invoice|wait wait wait|is anybody there|hello|good evening
the weather is nice today|can i speak with your boss|that is not what i asked for|just a moment i am driving
where did i put my glasses|the number you gave me does not work|sorry|i lost the letter you sent|what are my options
go away|i already asked the other lady|it depends|both of them|neither of these|somebody is at the door
purple elephants dance slowly|thirteen hundred dollars|turn left at the corner|my name is alexander hamilton
this is ridiculous|come here sweetheart|i guess so|snow|maybe|chess|goal|the sky is blue and the grass is green"""

_CONTAINING = {
    "yes, no again": """i said yes yesterday but that was a mistake|there is no way i will pay for this
yes and no depending on the price|no wait let me check with my husband""",
    "monday to saturday": """i was there on monday and nobody answered|is friday a public holiday in your country
my letter from last tuesday was never answered""",
    "book, change, cancel": """what happens if i cancel after the deadline|my brother wants to cancel his newspaper
how much does it cost to change my flight to paris""",
    "balance, transfer …": """the agent i talked to was very rude|my balance was wrong in the last three letters
somebody found a lost card in the street""",
    "small, medium, large": """a large number of people have complained|the small print says something else
is the medium one still available today""",
    "english, spanish …": "my english is not very good i am afraid|do you have a french cook book",
    "one, two, three": """there are two of us in the car|i called you three times this week
no one ever answers the phone""",
    "times of day": "i called this number in the morning and nobody answered|what is on television tonight",
    "four digits": "i have four kids and two dogs|one of my friends lives on seventh street|the time is nine o'clock",
}
"""By question: sentences with one of its phrases in them that are no answer."""


@dataclass(frozen=True)
class SentenceSet:
    """Questions, sentences that answer none of them, and by question some that only contain a phrase."""

    cases: tuple[Case, ...]
    others: tuple[str, ...]
    containing: Mapping[str, Sequence[str]] = field(default_factory=dict)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.replace("\n", "|").split("|"))


SETS = {
    "first": SentenceSet(_FIRST_CASES, _listed(_FIRST_OTHERS)),
    "second": SentenceSet(
        _SECOND_CASES, _listed(_SECOND_OTHERS), {name: _listed(text) for name, text in _CONTAINING.items()}
    ),
}

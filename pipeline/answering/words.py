"""What the first words of those who answered say about them, where a recogniser hears them. English, German, Spanish,
French and Italian.
"""

import re
import unicodedata

from offhook.pipeline.answering.verdict import AnsweredBy

_PHRASES: tuple[tuple[AnsweredBy, str], ...] = (
    (
        AnsweredBy.SCREENING,
        r"who(?:'s| is) calling|(?:state|say|record|tell me) your name|reason for (?:your call|calling)|"
        r"call (?:assist|screening)|google voice (?:will|subscriber)|screening service|why you(?:'re| are) calling|"
        r"wer (?:ruft an|am apparat ist)|grund (?:ihres|deines) anrufs|motivo de (?:su|la) llamada|"
        r"motif de votre appel|motivo della (?:sua )?chiamata",
    ),
    (
        AnsweredBy.IVR,
        r"press (?:\d|one|two|three|zero|pound|star|the)|para espanol|main menu|following options|your call (?:may|is)|"
        r"listen carefully|menu options|for (?:sales|support|service|billing)\b|calls may be recorded|"
        r"druecken sie|hauptmenue|pulse (?:uno|dos|el|la)|marque (?:uno|dos|el)|appuyez sur|tapez|premere|digiti",
    ),
    (
        AnsweredBy.VOICEMAIL,
        r"leave (?:a|your|me a|us a) (?:\w+ )?(?:message|name)|after the (?:tone|beep)|at the tone|"
        r"(?:is|am|are)(?: not|n't) available|can(?:not|'t| not) (?:take|answer|come|get) |you(?:'ve| have) reached|"
        r"unable to (?:take|answer|come)|get back to you|call you back|voice ?mail|mailbox|record your message|"
        r"missed your call|away from (?:my|the) (?:phone|desk)|"
        r"nachricht|anrufbeantworter|nach dem (?:ton|signalton|piep)|nicht erreichbar|"
        r"deje (?:un|su|tu) mensaje|buzon|despues del tono|no esta disponible|"
        r"laissez (?:un|votre) message|messagerie|apres le (?:bip|signal)|pas disponible|"
        r"lasci(?:ate|a)? un messaggio|segreteria|dopo il (?:segnale|bip)|non (?:e|sono) disponibile",
    ),
    (
        AnsweredBy.HUMAN,
        r"how (?:can|may) i help|who(?:'s| is) (?:this|there|that)|speaking\??$|can i help you|hello\W+hello\b",
    ),
)

_KINDS = tuple((by, re.compile(rf"(?:^|\W)(?:{phrases})")) for by, phrases in _PHRASES)


def kind_by_words(text: str) -> AnsweredBy | None:
    """Who says this, if the words tell. What is said of a menu or of a name counts more than a greeting's end."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("ü", "ue").replace("’", "'"))
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return next((by for by, phrases in _KINDS if phrases.search(plain)), None)

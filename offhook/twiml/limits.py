"""The limits of TwiML. Where Twilio's documentation states one, that is it."""

MAX_DOCUMENT_BYTES = 65_536
"""Twilio: 64 KB."""

MAX_ELEMENTS = 1_000
MAX_DEPTH = 8
MAX_ATTRIBUTES = 50
MAX_ATTRIBUTE_CHARS = 4_000
MAX_SAID_CHARS = 4_096
"""Twilio: of one Say."""

MAX_LOOPS = 1_000
"""Twilio: what `loop="0"` means."""

MAX_URL_CHARS = 4_000
MAX_REDIRECTS = 10
MAX_COOKIES = 50
MAX_COOKIE_CHARS = 4_096
FETCH_S = 15.0
"""Twilio: how long a server may take for a document."""

MAX_SILENT_DOCUMENTS = 30
"""One after the other that take less than SILENT_S, whatever they say and ask: they go round in a circle."""

SILENT_S = 0.2

MAX_BRIEF_DOCUMENTS = 1_000
"""One after the other that take less than BRIEF_S. Who waits for callers, or talks to them, goes on for a shift."""

BRIEF_S = 5.0

MAX_SOUND_S = 120
"""Of the sounds of one prompt that are loaded before they are played: those of a Gather, or one that is repeated."""

MAX_PAUSE_S = 3_600
MAX_TIMEOUT_S = 600
MAX_DIGITS = 32
"""Of a Gather without `numDigits`: what a call keeps of keys."""

MAX_HINTS = 500
MAX_HINT_CHARS = 100
"""Twilio: 500 phrases, 100 characters each."""

MAX_TARGETS = 10
"""Twilio: numbers of one Dial."""

MAX_HEADERS = 20
MAX_TOLD = 100
"""Callbacks of a call that wait to be sent."""

MAX_REPORTED = 100
"""What is reported of a call as not done or wrong."""

"""The carrier's side of a media stream, to test any bot that speaks Twilio's protocol, or a dialect of it.

    python -m offhook.testing.carrier ws://127.0.0.1:8080/twilio/media --say hello.wav --press 1     (see --help)

`PlayoutBuffer` does what Twilio does with the bot's audio: it plays chunks one after the other in real time, returns
each `mark` when the audio before it has been played, and on `clear` drops what has not been played and returns all
marks. `Carrier` is a call. Other carriers' messages are in `dialects`.
"""

from offhook.testing.carrier.call import Carrier, CarrierLog
from offhook.testing.carrier.playout import PlayoutBuffer
from offhook.testing.carrier.webhook import ask_twiml, ask_webhook

__all__ = ["Carrier", "CarrierLog", "PlayoutBuffer", "ask_twiml", "ask_webhook"]

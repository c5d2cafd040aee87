"""What a bot whose SIP is PJSIP's is asked in vain for: PJSIP's messages, dialogs and packets stay in its library."""

from offhook.carriers.pjsua2.library import OWN, WHERE
from offhook.usererror import Problem

_WHY = 'PJSIP carries this bot\'s calls (`backend = "pjsua2"` below `[sip]`), and keeps them within its library'

MESSAGES = Problem("SIP messages are not seen by this bot", _WHY, f"tshark -i any -Y sip, or {OWN}", WHERE)
STATE = Problem(
    "the SIP dialogs and transactions of this bot are not known",
    _WHY,
    f"offhook status, for its calls and trunks, or {OWN}",
    WHERE,
)
CAPTURE = Problem("this bot captures no calls", _WHY, f"tshark -i any -w calls.pcap, or {OWN}", WHERE)

"""Audio encodings: `codec_named("PCMU")`."""

from offhook.telephony.codec.base import Codec, Convert, codec_named, codec_of_payload_type, register
from offhook.telephony.codec.g711 import PCMA, PCMU
from offhook.telephony.codec.g722 import G722_64K
from offhook.telephony.codec.linear import LINEAR16
from offhook.telephony.codec.opus import OPUS

__all__ = [
    "G722_64K",
    "LINEAR16",
    "OPUS",
    "PCMA",
    "PCMU",
    "Codec",
    "Convert",
    "codec_named",
    "codec_of_payload_type",
    "register",
]

register(PCMU)
register(PCMA)
register(G722_64K)
register(OPUS)
register(LINEAR16)

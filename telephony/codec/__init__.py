"""Audio encodings: `codec_named("PCMU")`."""

from telephony.codec.base import Codec, codec_named, codec_of_payload_type, register
from telephony.codec.g711 import PCMA, PCMU

__all__ = ["PCMA", "PCMU", "Codec", "codec_named", "codec_of_payload_type", "register"]

register(PCMU)
register(PCMA)

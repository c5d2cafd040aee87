"""The offers and answers of one call, each following on from the last: RFC 3264 §8.

A far end that disables all streams (port 0, §8.2) stays in the call: nothing is sent or received until it enables one.
"""

from dataclasses import replace

from offhook.sip.errors import RemoteError
from offhook.sip.sdp import audio
from offhook.sip.sdp.audio import Format
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.crypto import NegotiatedSrtp, SrtpPolicy
from offhook.sip.sdp.model import SessionDescription
from offhook.sip.sdp.negotiate import (
    LocalMedia,
    NegotiatedAudio,
    accept_answer,
    answer_offer,
    disable_all,
    is_disabled,
    make_offer,
)
from offhook.sip.sdp.parser import parse
from offhook.sip.sdp.serializer import serialize


class OfferAnswer:
    """What a call has agreed on, and our offer that waits for its answer.

    `local` is where we receive, with the version of the next description: each gets a new one, so that the far end need
    not compare them.
    """

    def __init__(self, local: LocalMedia, capabilities: AudioCapabilities) -> None:
        self._local = local
        self._capabilities = capabilities
        self._ours: SessionDescription | None = None
        self._numbers: dict[int, Format] = {}
        self._offer: bytes | None = None
        self.agreed: NegotiatedAudio | None = None
        """The agreed media; None before the first answer."""

    @property
    def waits_for_answer(self) -> bool:
        """Whether our offer waits for its answer."""
        return self._offer is not None

    def offer(self, direction: str = "sendrecv") -> bytes:
        """An offer: the first, or one that changes what was agreed on; "sendonly" holds (§8.4). Raises LocalError."""
        offer = make_offer(
            self._next_local(), self._capabilities, direction, before=self._ours, numbers=self._numbers, keys=self._keys
        )
        self._offer = offer
        return offer

    def offer_again(self) -> None:
        """Our valid description was offered once more, unchanged, to refresh the session (RFC 4028 §7.4).

        Raises RemoteError while another offer waits for its answer.
        """
        if self._ours is None or self._offer is not None:
            raise RemoteError(400, "an answer without an offer")
        self._offer = serialize(self._ours)

    def answer(self, offer: bytes) -> bytes:
        """The answer to the far end's offer, valid from now on: see `agreed`.

        Raises RemoteError, and changes nothing, when it cannot be accepted; LocalError.
        """
        answer = disable_all(offer, self._local)
        if answer is not None and self.agreed is not None:
            agreed = replace(self.agreed, direction="inactive")
        else:
            answer, agreed = answer_offer(offer, self._local, self._capabilities, keys=self._keys)
        self._next_local()
        self._offer = None  # of a failed re-INVITE
        self._settle(answer, offer, agreed)
        return answer

    def accept(self, answer: bytes) -> NegotiatedAudio:
        """The media agreed on by the answer to our offer. Raises RemoteError; the old agreement then stays."""
        offer, self._offer = self._offer, None
        if offer is None:
            raise RemoteError(400, "an answer without an offer")
        if self.agreed is not None and is_disabled(parse(answer)):
            agreed = replace(self.agreed, direction="inactive")
        else:
            agreed = accept_answer(offer, answer, self._capabilities)
        self._settle(offer, answer, agreed)
        return agreed

    def withdraw(self) -> None:
        """Our offer gets no answer: the old agreement stays valid."""
        self._offer = None

    def _settle(self, ours: bytes, theirs: bytes, agreed: NegotiatedAudio) -> None:
        self._ours = parse(ours)
        self.agreed = agreed
        if agreed.srtp is not None:
            # From now on nothing in the clear is accepted: a later offer cannot take the encryption away.
            required = replace(self._capabilities.srtp, policy=SrtpPolicy.REQUIRED)
            self._capabilities = replace(self._capabilities, srtp=required)
        for description in (parse(theirs), self._ours):
            for media in description.media:
                # §8.3.2: a number keeps its meaning, supported by us or not.
                self._numbers.update(audio.numbers(media))

    @property
    def _keys(self) -> NegotiatedSrtp | None:
        return None if self.agreed is None else self.agreed.srtp

    def _next_local(self) -> LocalMedia:
        local = self._local
        self._local = replace(local, version=local.version + 1)
        return local

"""What a call says to the far end, whether the dialogs live in this process or in another one."""

from collections.abc import Iterable
from typing import Protocol

from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint


class Signalling(Protocol):
    """Commands for the dialogs of incoming calls, by their handles. LocalError: the dialog is gone."""

    @property
    def address(self) -> Address:
        """Where the socket is bound."""

    def ring(self, call: str) -> None:
        """180 (Ringing)."""

    def answer(self, call: str, sdp: bytes) -> None:
        """200 (OK)."""

    def reject(self, call: str, status: int, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Refuse with 300 to 699."""

    def bye(self, call: str) -> None:
        """Hang up an answered call."""

    def answer_reinvite(self, call: str, sdp: bytes) -> None:
        """200 (OK) to a re-INVITE."""

    def reject_reinvite(self, call: str, status: int) -> None:
        """Refuse a re-INVITE: the call goes on as it was."""


class EndpointSignalling:
    """`Signalling` by the endpoint in this process."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    @property
    def address(self) -> Address:
        """Where the socket is bound."""
        return self._endpoint.address

    def ring(self, call: str) -> None:
        """180 (Ringing)."""
        self._endpoint.run(lambda ua, now: ua.ring(call, now))

    def answer(self, call: str, sdp: bytes) -> None:
        """200 (OK)."""
        self._endpoint.run(lambda ua, now: ua.answer(call, sdp, now))

    def reject(self, call: str, status: int, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Refuse with 300 to 699."""
        self._endpoint.run(lambda ua, now: ua.reject(call, status, now, headers=headers))

    def bye(self, call: str) -> None:
        """Hang up an answered call."""
        self._endpoint.run(lambda ua, now: ua.bye(call, now))

    def answer_reinvite(self, call: str, sdp: bytes) -> None:
        """200 (OK) to a re-INVITE."""
        self._endpoint.run(lambda ua, now: ua.answer_reinvite(call, sdp, now))

    def reject_reinvite(self, call: str, status: int) -> None:
        """Refuse a re-INVITE: the call goes on as it was."""
        self._endpoint.run(lambda ua, now: ua.reject_reinvite(call, status, now))

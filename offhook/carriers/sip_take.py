"""The call of an agent who has called in: they wait for the next caller of a queue, and talk to them (`linked_agent` is
the caller's side).

What the agent hears of the caller, and both say, is kept with the caller's call alone, by which it is found and erased:
from the offer on nothing is with the agent's, until the dialog has said the last of it.
"""

import asyncio

from offhook.calls.link import Link, LinkedTalk, Packet, close_end
from offhook.carriers.linked_agent import read_offer
from offhook.carriers.sip_wait import SipWait, WaitingCall
from offhook.pipeline.tts.recording import Recording
from offhook.queues.messages import AgentKept, LeaveTake, Linked, MovedInQueue, TakeCaller, ToCall
from offhook.queues.orders import EndWait
from offhook.queues.port import Joined, Offer, Parted, TalkOver


class SipTake(SipWait):
    """See TakePort."""

    def __init__(self, call: WaitingCall) -> None:
        super().__init__(call)
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._queue = ""
        self._return_key: str | None = None
        self._is_there = False  # as the owner of the queues knows
        self._link: Link | None = None
        self._offer: Offer | None = None
        self._talk: LinkedTalk | None = None

    # --- for the dialog

    def take(self, queue: str, return_key: str | None) -> None:
        """See TakePort."""
        self._queue, self._return_key = queue, return_key
        self.is_open = True
        self._conversation.linger(True)
        self._conversation.hold_listeners.append(self._on_hold)
        self._on_hold(self._conversation.held)

    def play(self, music: Recording) -> None:
        """See WaitPort."""
        if self._link is None:
            self._conversation.keep_elsewhere(False)
        super().play(music)

    def accept(self, offer: Offer) -> None:
        """See TakePort."""
        line = self._conversation.line
        if self._link is not None and offer is self._offer and line is not None:
            self._link.send(Packet.HERE, str(line.rate_hz).encode())

    def decline(self, offer: Offer) -> None:
        """See TakePort."""
        if offer is self._offer:
            self._end_talk()

    def close(self) -> None:
        """See TakePort."""
        self._stop_listening()
        self._end_talk()
        self.quiet()
        self._conversation.linger(False)
        if self.is_open:
            self._conversation.keep_elsewhere(False)
        self._leave()

    # --- from the owner of the queues, and from the call

    def on_event(self, event: ToCall) -> None:
        """What it says."""
        match event:
            case Linked(agent="", fd=fd) if fd >= 0 and self._is_there and self._talk is None:
                self._on_gone()  # of a caller before, who was withdrawn: that is on its way, too
                self._link = Link(fd, self._on_packet, self._on_gone)
            case Linked(fd=fd):
                close_end(fd)  # which the caller's side sees
            case EndWait() | AgentKept():
                self.tell(event)

    def moved(self, before: str) -> None:
        """It has another handle than `before`; the agent is known by it between two callers, too."""
        self._call.do(MovedInQueue(before, self._call.handle))

    def caller_gone(self) -> None:
        """It is over."""
        self._end_talk()
        self._stop_music()
        self._leave()

    # --- from the caller's side

    def _on_packet(self, packet: Packet, data: bytes) -> None:
        match packet:
            case Packet.OFFER:
                self._offer = read_offer(data)
                self._conversation.keep_elsewhere(True)
                self.tell(self._offer)
            case Packet.JOINED:
                self._join(int(data))
            case _ if self._talk is not None:
                self._talk.receive(packet, data)

    def _join(self, rate_hz: int) -> None:
        line, link, offer = self._conversation.line, self._link, self._offer
        if line is None or link is None or offer is None:
            return
        self._talks_to(offer.caller)
        self._talk = LinkedTalk(line, link, rate_hz, self._on_key_in_talk)
        self._conversation.log.info("joined with a caller of a queue", caller=offer.caller)
        self.tell(Joined(offer.caller))

    def _on_key_in_talk(self, key: str) -> bool:
        if key != self._return_key:
            return False
        self._loop.call_soon(self._on_gone)
        return True

    def _on_gone(self) -> None:
        """The caller is, or is not to be talked to."""
        if self._link is None:
            return
        talked = self._talk is not None
        self._end_talk()
        self.tell(TalkOver() if talked else Parted())

    def _on_hold(self, held: bool) -> None:
        """Who has put the bot on hold would not hear a caller: those wait for somebody else meanwhile."""
        if self._talk is not None or self._is_there is not held:
            return
        self._is_there = not held
        if held:
            self._on_gone()
            self._call.do(LeaveTake(self._call.handle))
        else:
            self._call.do(TakeCaller(self._call.handle, self._queue, self._conversation.about))

    def _leave(self) -> None:
        if self.is_open:
            self.is_open = self._is_there = False
            self._conversation.hold_listeners.remove(self._on_hold)
            self._call.do(LeaveTake(self._call.handle))

    def _end_talk(self) -> None:
        link, self._link, self._offer = self._link, None, None
        talk, self._talk = self._talk, None
        self._talking = ""
        if link is not None:
            link.close()
        if talk is not None:
            talk.close()

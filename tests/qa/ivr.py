"""A foreign IVR that knows nothing of offhook, and has one fault if it is asked to: python ivr.py PROMPTS FAULT

It answers calls over UDP, plays `greeting`, and then: speech is answered by `hours`, key 1 by `hours`, 2 by `balance`,
* is followed by four keys that it presses back, 9 by `goodbye` and BYE. Speech and keys interrupt it.
PROMPTS is a folder of WAV files (8 kHz mono 16-bit). It prints its port.
"""

import array
import re
import socket
import struct
import sys
import threading
import time
import wave
from pathlib import Path

PROMPTS, FAULT = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
PACKET_S = 0.02 * (1.003 if FAULT == "drift" else 1)
GAP_S = 0.06


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, f"{pattern} is not in {text}"
    return match[match.lastindex or 0]


def mu_law(sample: int) -> int:
    sign, value = (0x80, -sample) if sample < 0 else (0, sample)
    value = min(value, 32_635) + 132
    exponent = max(0, value.bit_length() - 8)
    return ~(sign | exponent << 4 | value >> (exponent + 3) & 0x0F) & 0xFF


def a_law(sample: int) -> int:
    sign, value = (0, -sample) if sample < 0 else (0x80, sample)
    value = min(value, 32_767) >> 3
    exponent = max(0, value.bit_length() - 5)
    return (sign | exponent << 4 | value >> max(1, exponent) & 0x0F) ^ 0x55


def prompt(name: str) -> bytes:
    with wave.open(str(PROMPTS / f"{name}.wav")) as file:
        samples = array.array("h", file.readframes(file.getnframes()))
    if FAULT in ("clipped", "no_pause"):
        first = next(at for at, sample in enumerate(samples) if abs(sample) > 600)
        samples = samples[first + (1_600 if FAULT == "clipped" else 0) :]
    return bytes(map(a_law if FAULT == "wrong_codec" else mu_law, samples))


class Call:
    def __init__(self, media: tuple[str, int]) -> None:
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.bind(("127.0.0.1", 0))
        self.rtp.settimeout(0.01)
        self.media = media
        self.over = threading.Event()
        self.hangs_up = False
        self.sequence, self.timestamp = 7, 4_000
        self.queue = b""
        self.events: list[tuple[int, int, bool]] = []  # code, duration, end
        self.last_key, self.pressed, self.wanted = b"", 0, 0
        self.last_event = 0
        self.loud_since = self.quiet_since = 0.0
        self.gap_at = -1
        self.answer_at, self.answer = 0.0, b""

    def run(self) -> None:
        self.play(prompt("greeting"), 0.2)
        due = time.monotonic()
        while not self.over.is_set():
            self.receive(due)
            due += PACKET_S + self.send()
            if self.hangs_up and not self.queue and not self.answer:
                return

    def play(self, audio: bytes, after_s: float) -> None:
        self.answer, self.answer_at = audio, time.monotonic() + after_s + (1.5 if FAULT == "late" else 0)

    def react(self, name: str) -> None:
        if FAULT != "deaf":
            self.queue = b""
        audio = prompt("balance" if FAULT == "wrong_prompt" and name == "hours" else name)
        if FAULT == "said_twice" and name == "hours":
            audio += audio
        self.play(audio, 0.0 if FAULT == "no_pause" else 0.3)

    def key(self, key: str) -> None:
        self.pressed += 1
        if FAULT == "dtmf_lost" and self.pressed % 2 == 0:
            return
        for each in key * (2 if FAULT == "dtmf_doubled" else 1):
            if self.wanted:
                self.wanted -= 1
                code = "0123456789*#".index(each)
                released, pause = (code, 800, True), (-1, 0, False)
                self.events += [(code, 160 * n, n == 5) for n in range(1, 6)]
                self.events += [released, released, pause, pause, pause]
            elif each == "*":
                self.wanted, self.queue = 4, b""
            elif each in "129":
                self.react({"1": "hours", "2": "balance", "9": "goodbye"}[each])
                self.hangs_up = each == "9" and FAULT != "no_bye"

    def receive(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            self.rtp.settimeout(left)
            try:
                data = self.rtp.recv(2_000)
            except TimeoutError:
                return
            kind, timestamp = data[1] & 0x7F, data[4:8]
            if kind == 101 and timestamp != self.last_key and data[12] < 12:
                self.last_key = timestamp
                self.key("0123456789*#"[data[12]])
            elif kind == 0:
                self.hear(max(0x7F - (each & 0x7F) for each in data[12:]))

    def hear(self, level: int) -> None:
        now = time.monotonic()
        if level > 0x38:  # about -30 dBFS
            self.quiet_since = 0.0
            self.loud_since = self.loud_since or now
            if now - self.loud_since > 0.1 and FAULT != "deaf":
                self.queue = b""
        elif self.loud_since:
            self.quiet_since = self.quiet_since or now
            if now - self.quiet_since > 0.4:
                if self.quiet_since - self.loud_since > 0.3:
                    self.react("hours")
                self.loud_since = self.quiet_since = 0.0

    def send(self) -> float:
        """One packet; returns what the next one is late by."""
        if self.answer and not self.queue and time.monotonic() >= self.answer_at:
            self.queue, self.answer = self.answer, b""
            self.gap_at = len(self.queue) // 2
        payload, self.queue = self.queue[:160], self.queue[160:]
        late = FAULT == "gap" and 0 <= len(self.queue) <= self.gap_at and payload and payload[-1] & 0x7F < 0x40
        kind, timestamp = (8 if FAULT == "wrong_codec" else 0), self.timestamp
        payload = payload.ljust(160, b"\xd5" if FAULT == "wrong_codec" else b"\xff")
        if self.events:
            code, duration, end = self.events.pop(0)
            if code >= 0:
                kind, payload = 101, struct.pack("!BBH", code, 0x8A if end else 0x0A, duration)
                timestamp = self.timestamp - duration if not end else self.last_event
                self.last_event = timestamp
        if FAULT != "one_way":
            header = struct.pack("!BBHII", 0x80, kind, self.sequence, timestamp & 0xFFFFFFFF, 77)
            self.rtp.sendto(header + payload, self.media)
        self.sequence, self.timestamp = self.sequence + 1 & 0xFFFF, self.timestamp + 160
        if late:
            self.gap_at = -1
        return GAP_S if late else 0.0


def answer(status: str, request: str, more: str = "", body: str = "") -> bytes:
    copied = re.findall(r"(?mi)^(?:via|from|call-id|cseq): .*$", request)
    to = found(r"(?mi)^to: .*$", request).rstrip("\r")
    tag = "" if "tag=" in to or status.startswith("100") else ";tag=ivr"
    lines = [f"SIP/2.0 {status}", *(each.rstrip("\r") for each in copied), to + tag, *more.splitlines()]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()


def bye(invite: str, number: int) -> bytes:
    def value(name: str) -> str:
        return found(rf"(?mi)^{name}: (.*?)\r?$", invite)

    via = f"Via: SIP/2.0/UDP 127.0.0.1:{PORT};branch=z9hG4bKivr{number}"
    contact = found(r"<([^>]*)>", value("contact"))
    head = [f"BYE {contact} SIP/2.0", via, f"From: {value('to')};tag=ivr", f"To: {value('from')}", "Max-Forwards: 70"]
    return "\r\n".join([*head, f"Call-ID: {value('call-id')}", "CSeq: 1 BYE", "Content-Length: 0", "", ""]).encode()


def talk(call: Call, invite: str, caller: tuple[str, int]) -> None:
    call.run()
    if call.hangs_up:
        sip.sendto(bye(invite, id(call)), caller)


sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sip.bind(("127.0.0.1", 0))
PORT = sip.getsockname()[1]
print(PORT, flush=True)  # noqa: T201
calls: dict[str, Call] = {}
while True:
    data, caller = sip.recvfrom(9_000)
    text = data.decode()
    call_id = found(r"(?mi)^call-id: (.*?)\r?$", text)
    if text.startswith("INVITE") and call_id not in calls:
        sip.sendto(answer("180 Ringing", text), caller)
        port = int(found(r"m=audio (\d+)", text))
        call = calls[call_id] = Call(("127.0.0.1", port))
        sdp = (
            "v=0\r\no=ivr 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {call.rtp.getsockname()[1]} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
        )
        more = f"Contact: <sip:ivr@127.0.0.1:{PORT}>\nContent-Type: application/sdp"
        sip.sendto(answer("200 OK", text, more, sdp), caller)
        threading.Thread(target=talk, args=(call, text, caller), daemon=True).start()
    elif text.startswith("BYE"):
        calls[call_id].over.set()
        sip.sendto(answer("200 OK", text), caller)

"""`/api/calls/ID`: a past call, its transcript, timeline, recording, messages and capture."""

import asyncio
import wave
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from offhook.encryption.reader import Ending, open_kept
from offhook.records import CallRecord, EndedBy
from offhook.records.capture import find_capture
from offhook.records.message import messages_of
from offhook.records.timeline import read_timeline
from offhook.web.call_list import MAX_ID_CHARS, Read, Readers, Records, list_routes
from offhook.web.headers import NO_STORE
from offhook.web.kept import KeptAnswer, open_whole, sound_answer

T = TypeVar("T")

MAX_READERS = 4
"""Concurrent queries: full-text searches must not take every thread."""
MAX_PEAKS = 20_000
PEAKS_PER_S = 50
_BLOCK_PEAKS = 3_000  # a minute at a time
_INLINE = NO_STORE | {"Content-Disposition": "inline"}


@dataclass(frozen=True, slots=True)
class Peaks:
    """A recording's peaks: for each side as many values, 0 to 1, as its length and `MAX_PEAKS` allow."""

    duration_s: float
    caller: list[float]
    bot: list[float]


class _Files:
    """The records with their recordings and captures. Only files in the two folders are served."""

    def __init__(self, records: Records, read: Read, recordings: Path, captures: Path, key_file: Path | None) -> None:
        self._records = records
        self._read = read
        self._recordings = recordings
        self._captures = captures
        self.key_file = key_file

    async def call(self, uniqueid: str) -> CallRecord:
        known = len(uniqueid) <= MAX_ID_CHARS and uniqueid.isprintable()
        found = await self._read(lambda: self._records.call(uniqueid)) if known else None
        if found is None:
            raise HTTPException(404, "there is no call with that id", NO_STORE)
        return found

    async def everything(self, uniqueid: str) -> dict[str, Any]:
        """A call as JSON, with its timeline."""
        call = await self.call(uniqueid)
        timeline = await self._read(lambda: self._records.read(lambda conn: read_timeline(conn, uniqueid)))
        captured = find_capture(self._captures, call.uniqueid)
        truncated = captured is not None and (captured[1] or call.ended_by == EndedBy.CRASH)
        about = {
            "capture": captured is not None,
            "capture_truncated": truncated,
            "messages": [path.name for path in messages_of(self._recordings, call.uniqueid)],
        }
        return self.shown(call) | about | {"timeline": timeline, "ledger": ledger_of(timeline)}

    def shown(self, call: CallRecord) -> dict[str, Any]:
        """The record, with whether there is a recording instead of its path."""
        return call.to_dict() | {"recording": _recording(call, self._recordings) is not None}

    async def recording(self, uniqueid: str) -> Path:
        path = _recording(await self.call(uniqueid), self._recordings)
        if path is None:
            raise HTTPException(404, "the call was not recorded, or its recording is gone", NO_STORE)
        return path

    async def message(self, uniqueid: str, name: str) -> Path:
        found = messages_of(self._recordings, (await self.call(uniqueid)).uniqueid)
        path = next((path for path in found if path.name == name), None)
        if path is None:
            raise HTTPException(404, "the call has no message of that name, or it is gone", NO_STORE)
        return path

    async def capture(self, uniqueid: str) -> Path:
        found = find_capture(self._captures, (await self.call(uniqueid)).uniqueid)
        if found is None:
            raise HTTPException(404, "the call was not captured, or its capture is gone", NO_STORE)
        return found[0]


def calls_routes(records: Records, recordings: Path, captures: Path, key_file: Path | None = None) -> APIRouter:
    """The routes. Only files in the folders `recordings` and `captures` are served; `key_file` has the keys of those
    that are encrypted."""
    router = APIRouter()
    read = Readers(MAX_READERS).read
    files = _Files(records, read, recordings, captures, key_file)
    router.include_router(list_routes(records, read, files.shown))
    _add_text_routes(router, files)
    _add_audio_routes(router, files, read)
    return router


def _add_text_routes(router: APIRouter, files: _Files) -> None:
    @router.get("/api/calls/{uniqueid}")
    async def one(uniqueid: str) -> Response:
        return JSONResponse(await files.everything(uniqueid), headers=NO_STORE)

    @router.get("/api/calls/{uniqueid}/call.json")
    async def as_json(uniqueid: str) -> Response:
        return JSONResponse(await files.everything(uniqueid), headers=_download(f"{uniqueid}.json"))

    @router.get("/api/calls/{uniqueid}/transcript.txt")
    async def as_text(uniqueid: str) -> Response:
        call = await files.call(uniqueid)
        return PlainTextResponse(transcript_text(call), headers=_download(f"{uniqueid}.txt"))


def _add_audio_routes(router: APIRouter, files: _Files, read: Read) -> None:
    @router.api_route("/api/calls/{uniqueid}/audio.wav", methods=["GET", "HEAD"])
    async def audio(request: Request, uniqueid: str) -> Response:
        path = await files.recording(uniqueid)
        return await asyncio.to_thread(sound_answer, request, path, files.key_file, _INLINE)

    @router.api_route("/api/calls/{uniqueid}/messages/{name}", methods=["GET", "HEAD"])
    async def message(request: Request, uniqueid: str, name: str) -> Response:
        path = await files.message(uniqueid, name)
        return await asyncio.to_thread(sound_answer, request, path, files.key_file, _INLINE)

    @router.get("/api/calls/{uniqueid}/capture.pcap")
    async def capture(uniqueid: str) -> Response:
        path = await files.capture(uniqueid)
        kept = await asyncio.to_thread(open_whole, path, files.key_file)
        headers = _download(path.name) | {"Content-Length": str(kept.size)}
        return KeptAnswer(kept, path, 0, kept.size, media_type="application/vnd.tcpdump.pcap", headers=headers)

    @router.get("/api/calls/{uniqueid}/peaks")
    async def peaks(uniqueid: str) -> Response:
        path = await files.recording(uniqueid)
        try:
            measured = await read(lambda: measure(path, files.key_file))
        except (OSError, EOFError, wave.Error) as error:
            raise HTTPException(404, "the recording cannot be read", NO_STORE) from error
        return JSONResponse(asdict(measured), headers=NO_STORE)


def transcript_text(call: CallRecord) -> str:
    """The transcript for people, one line each; what was not played or understood is in brackets."""
    lines = [f"{call.start}  {call.src} -> {call.dst}", f"ended by {call.ended_by}: {call.end_reason}", ""]
    for line in call.transcript:
        text = line.text
        if line.unheard:
            text = f"{line.heard} [not heard: {line.unheard}]".strip()
        text += " [typed]" * line.typed + " [not understood]" * line.rejected
        minutes, seconds = divmod(line.at_s, 60)
        lines.append(f"{minutes:02.0f}:{seconds:04.1f}  {line.who + ':':<7} {text}")
    return "\n".join(lines) + "\n"


def ledger_of(timeline: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each answered turn of a timeline: its moments, in milliseconds since the caller's last speech sample."""
    turns = [event for event in timeline if event["kind"] == "turn" and "marks_ms" in event]
    return [{name: event[name] for name in ("speech_ended_at", "response_ms", "marks_ms")} for event in turns]


def measure(path: Path, key_file: Path | None = None) -> Peaks:
    """The peaks of a stereo recording, the caller on the left. Raises OSError, EOFError, wave.Error."""
    with open_kept(path, key_file) as kept, wave.open(kept.file, "rb") as audio:
        if kept.ending is Ending.DAMAGED:
            raise wave.Error("it is damaged")
        if audio.getnchannels() != 2 or audio.getsampwidth() != 2:
            raise wave.Error("it is not 16-bit stereo")
        frames, rate_hz = audio.getnframes(), audio.getframerate()
        step = max(rate_hz // PEAKS_PER_S, -(-frames // MAX_PEAKS))
        sides: tuple[list[float], list[float]] = ([], [])
        while data := audio.readframes(step * _BLOCK_PEAKS):
            samples = np.frombuffer(data, "<i2", count=len(data) // 4 * 2).reshape(-1, 2).astype(np.int32)
            for side, values in enumerate(sides):
                magnitude = np.abs(samples[:, side])
                padded = np.pad(magnitude, (0, -len(magnitude) % step)).reshape(-1, step).max(axis=1)
                values.extend(np.round(padded / 32_768, 3).tolist())
    return Peaks(round(frames / rate_hz, 3), *sides)


def _recording(call: CallRecord, recordings: Path) -> Path | None:
    # Others may have written to the database: only files in the recordings folder are served.
    if call.recording is None:
        return None
    path = Path(call.recording)
    return path if path.parent == recordings and path.suffix == ".wav" and path.is_file() else None


def _download(name: str) -> dict[str, str]:
    return NO_STORE | {"Content-Disposition": f'attachment; filename="{name}"'}

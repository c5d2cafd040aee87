"""Who knows the field's words finds the file: its name or its first line has them."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

WORDS = {
    "transaction": "sip/transaction/tables.py",
    "re-INVITE": "sip/dialog/reinvite.py",
    "glare": "sip/dialog/reinvite.py",
    "RFC 3261 §17": "sip/transaction/tables.py",
    "RFC 6026": "sip/transaction/tables.py",
    "Via": "sip/message/via.py",
    "offer and answer": "sip/sdp/negotiate.py",
    "RFC 3264": "sip/sdp/negotiate.py",
    "user agent": "sip/ua.py",
    "user agent server": "sip/uas.py",
    "jitter buffer": "telephony/rtp/jitter.py",
    "packet loss concealment": "telephony/plc.py",
    "comfort noise": "telephony/rtp/comfort_noise.py",
    "RFC 3389": "telephony/wire/comfort_noise.py",
    "RTCP": "telephony/wire/rtcp.py",
    "RFC 3550": "telephony/wire/rtp.py",
    "DTMF": "telephony/rtp/dtmf_receiver.py",
    "RFC 4733": "telephony/wire/telephone_event.py",
    "symmetric RTP": "telephony/rtp/latch.py",
    "MOS": "telephony/rtp/emodel.py",
    "G.711": "telephony/codec/g711.py",
    "G.722": "telephony/codec/g722.py",
    "Opus": "telephony/codec/opus.py",
    "resampling": "telephony/resample.py",
    "TwiML": "telephony/media_streams/twiml.py",
    "signature": "telephony/media_streams/signature.py",
    "RFC 6455": "offhook/web/websocket_frames.py",
    "voice activity detection": "pipeline/vad/engine.py",
    "endpointing": "pipeline/endpoint/silence.py",
    "barge-in": "pipeline/turn/tables.py",
    "text normalisation": "pipeline/tts/normalize.py",
    "JSGF": "pipeline/asr/grammar.py",
    "playout": "pipeline/playout/ledger.py",
    "call detail record": "offhook/records/cdr.py",
    "pcap": "offhook/records/pcap.py",
    "ladder": "offhook/ladder/ladder.py",
    "admission control": "offhook/process/admission.py",
    "fork server": "offhook/process/fork_server.py",
    "worker pool": "offhook/process/worker_pool.py",
    "Prometheus metrics": "offhook/observe/metrics.py",
    "OpenTelemetry": "offhook/observe/tracing.py",
}


@pytest.mark.parametrize(("word", "path"), WORDS.items())
def test_a_word_of_the_field_leads_to_its_file(word: str, path: str) -> None:
    file = ROOT / path
    first = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n\n")[0]
    said = f"{file.stem.replace('_', ' ')} {' '.join(first.split())}".lower()
    assert word.lower() in said

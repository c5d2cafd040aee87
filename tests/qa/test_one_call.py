"""What of a call leaves the kit: JSON and the page have no secret of what was signalled."""

import json
from dataclasses import replace
from pathlib import Path

from offhook.qa.one_call import as_details
from offhook.qa.report.page import HtmlReport
from offhook.qa.result import Result
from offhook.qa.script.script import Script
from offhook.qa.script.steps import HangUp
from offhook.qa.verdict.observed import Message
from tests.qa.report.made_up import ZERO_S, recording

SECRETS = ("pa55word", "r3sponse", "8earer", "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz", "t0ken")
HEAD = (
    'Authorization: Digest username="qa", realm="r", nonce="n", uri="sip:x", response="r3sponse"\r\n'
    "Proxy-Authorization: Bearer 8earer\r\nX-Auth-Token: t0ken\r\nRefer-To: <sip:bob:pa55word@127.0.0.1>\r\n"
)
KEYS = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"


def test_no_secret_is_in_the_json_and_none_in_the_page(tmp_path: Path) -> None:
    call = recording()
    invite, *others = call.messages
    first, _, rest = invite.data.partition(b"\r\n")
    data = first + b"\r\n" + HEAD.encode() + rest + KEYS.encode()
    info = replace(others[0], data=b"INFO sip:x SIP/2.0\r\nCSeq: 3 INFO\r\n\r\nSignal=7\r\nDuration=160\r\n")
    messages = (replace(invite, data=data), info, *others)
    shown = tuple(Message(each.at_s - ZERO_S, each.received, each.text) for each in messages)
    seen = replace(call.seen, messages=shown, transfer_to="sip:bob:pa55word@127.0.0.1")
    details = as_details(Script("x", (HangUp(),)), seen)
    text = json.dumps(details)
    assert not [secret for secret in SECRETS if secret in text]
    assert "Signal=*" in text and 'realm=\\"r\\"' in text and "sip:bob:" in details["call"]["transfer_to"]
    assert all(secret in shown[0].text for secret in SECRETS), "they are there as they came"
    report = HtmlReport(tmp_path / "report.html")
    report.add(Result("x", "x.yaml", 1.0, details=details, recording=replace(call, seen=seen, messages=messages)))
    report.write()
    page = (tmp_path / "report.html").read_text()
    assert "Proxy-Authorization" in page and not [secret for secret in SECRETS if secret in page]

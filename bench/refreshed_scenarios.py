"""SIPp's scenarios for `bench.refreshed_calls`: one call, refreshed so many times at half of its interval."""

from dataclasses import dataclass
from typing import Literal

_SDP = """v=0
o=qa 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [rtp_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15"""

_REQUEST = """{method} {target} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]
Max-Forwards: 70
From: {own}
To: {peer}
Call-ID: [call_id]
CSeq: [cseq] {method}
"""

_RESPONSE = """SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]{tag}
[last_Call-ID:]
[last_CSeq:]
"""

_CONTACT = "Contact: <sip:qa@[local_ip]:[local_port]>\n"
_NO_BODY = "Content-Length: 0\n"
_WITH_SDP = f"Content-Type: application/sdp\nContent-Length: [len]\n\n{_SDP}"
_ONCE_MORE = """  <nop>
    <action>
      <add assign_to="refreshes" value="1"/>
      <test assign_to="more" variable="refreshes" compare="less_than" value="{refreshes}"/>
    </action>
  </nop>
  <nop next="1" test="more"/>
"""


def _send(text: str, *, again: bool = True) -> str:
    timer = ' retrans="500"' if again else ""
    return f"  <send{timer}>\n    <![CDATA[\n{text}\n    ]]>\n  </send>\n"


@dataclass(frozen=True, slots=True)
class RefreshedCall:
    """One of them."""

    name: str
    called: Literal["bot", "sipp"]
    refreshed_by: Literal["bot", "sipp"]
    method: Literal["INVITE", "UPDATE"]
    """How it is refreshed; where that is INVITE, SIPp does not allow UPDATE."""

    def scenario(self, expires_s: int, refreshes: int) -> str:
        """SIPp hangs up after the last refresh."""
        begin = self._answers(expires_s) if self.called == "sipp" else self._calls(expires_s)
        loop = self._refreshed(expires_s) if self.refreshed_by == "bot" else self._refreshes(expires_s)
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<scenario name="{self.name}">\n{begin}'
            '  <nop><action><assign assign_to="refreshes" value="0"/></action></nop>\n  <label id="1"/>\n'
            f"{loop}{_ONCE_MORE.format(refreshes=refreshes)}"
            f"{_send(self._request('BYE') + _NO_BODY)}"
            '  <recv response="200"/>\n</scenario>\n'
        )

    def _calls(self, expires_s: int) -> str:
        bot = f"sip:{self.name}@[remote_ip]:[remote_port]"
        invite = _REQUEST.format(method="INVITE", target=bot, own=self._own, peer=f"<{bot}>")
        refresher = "uas" if self.refreshed_by == "bot" else "uac"
        return (
            _send(invite + self._fields(f"Session-Expires: {expires_s};refresher={refresher}\n") + _WITH_SDP)
            + '  <recv response="100" optional="true"/>\n  <recv response="180" optional="true"/>\n'
            + self._agreed("response", "200", f"{expires_s};refresher={refresher}", "agreed")
            + _send(self._request("ACK") + _NO_BODY, again=False)
        )

    def _answers(self, expires_s: int) -> str:
        refresher = "uac" if self.refreshed_by == "bot" else "uas"
        ok = _RESPONSE.format(tag=";tag=[pid]t[call_number]")
        fields = self._fields(f"Require: timer\nSession-Expires: {expires_s};refresher={refresher}\n")
        return (
            '  <recv request="INVITE" rrs="true"/>\n'
            + _send(ok + fields + _WITH_SDP)
            + '  <recv request="ACK">\n    <action>\n'
            + '      <ereg regexp=".*" search_in="hdr" header="From:" check_it="true" assign_to="far"/>\n'
            + '      <ereg regexp=".*" search_in="hdr" header="To:" check_it="true" assign_to="near"/>\n'
            + "    </action>\n  </recv>\n"
        )

    def _refreshed(self, expires_s: int) -> str:
        ok = _RESPONSE.format(tag="")
        fields = self._fields(f"Require: timer\nSession-Expires: {expires_s};refresher=uac\n")
        came = self._agreed("request", self.method, f"{expires_s};refresher=uac", "again")
        if self.method == "UPDATE":
            return came + _send(ok + fields + _NO_BODY, again=False)
        return came + _send(ok + fields + _WITH_SDP) + '  <recv request="ACK"/>\n'

    def _refreshes(self, expires_s: int) -> str:
        refresh = self._request(self.method) + self._fields(f"Session-Expires: {expires_s};refresher=uac\n")
        answered = self._agreed("response", "200", f"{expires_s};refresher=uac", "again")
        pause = f'  <pause milliseconds="{500 * expires_s}"/>\n'
        if self.method == "UPDATE":
            return pause + _send(refresh + _NO_BODY) + answered
        trying = '  <recv response="100" optional="true"/>\n'
        ack = _send(self._request("ACK") + _NO_BODY, again=False)
        return pause + _send(refresh + _WITH_SDP) + trying + answered + ack

    def _fields(self, timer: str) -> str:
        update = ", UPDATE" if self.method == "UPDATE" else ""
        return f"{_CONTACT}Allow: INVITE, ACK, BYE, CANCEL{update}\nSupported: timer\n{timer}"

    @staticmethod
    def _agreed(what: str, which: str, expires: str, variable: str) -> str:
        keep = ' rrs="true"' if variable == "agreed" else ""
        return (
            f'  <recv {what}="{which}"{keep}>\n    <action>\n'
            f'      <ereg regexp="{expires}" search_in="hdr" header="Session-Expires:" check_it="true"'
            f' assign_to="{variable}"/>\n'
            f'    </action>\n  </recv>\n  <Reference variables="{variable}"/>\n'
        )

    def _request(self, method: str) -> str:
        """Within the call."""
        own = self._own if self.called == "bot" else "[$near]"
        bot = f"<sip:{self.name}@[remote_ip]:[remote_port]>[peer_tag_param]"
        return _REQUEST.format(
            method=method, target="[next_url]", own=own, peer=bot if self.called == "bot" else "[$far]"
        )

    @property
    def _own(self) -> str:
        return "<sip:qa@[local_ip]:[local_port]>;tag=[pid]t[call_number]"


CALLS = (
    RefreshedCall("in-sipp", "bot", "sipp", "INVITE"),
    RefreshedCall("in-bot", "bot", "bot", "UPDATE"),
    RefreshedCall("out-sipp", "sipp", "sipp", "UPDATE"),
    RefreshedCall("out-bot", "sipp", "bot", "INVITE"),
)

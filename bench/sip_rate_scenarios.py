"""SIPp's scenarios for `bench.sip_rate`."""

_SDP = """v=0
o=- 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20"""

_REQUEST = """{method} sip:bot@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: "Caller" <sip:caller@[local_ip]:[local_port]>;tag=[call_number]x
To: <sip:bot@[remote_ip]:[remote_port]>{peer}
Call-ID: [call_id]
CSeq: {number} {method}
"""

_INVITE = (
    _REQUEST.format(method="INVITE", number=1, peer="")
    + """Contact: <sip:caller@[local_ip]:[local_port]>
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS
Supported: timer
User-Agent: sipp
Content-Type: application/sdp
Content-Length: [len]

"""
    + _SDP
)
_ACK = _REQUEST.format(method="ACK", number=1, peer="[peer_tag_param]") + "Content-Length: 0\n"
_BYE = _REQUEST.format(method="BYE", number=2, peer="[peer_tag_param]") + "Content-Length: 0\n"

UAC = f"""<?xml version="1.0" encoding="UTF-8" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="calls and hangs up">
  <nop start_rtd="2"></nop>
  <send retrans="500" start_rtd="1"><![CDATA[
{_INVITE}
]]></send>
  <recv response="100" rtd="1"></recv>
  <recv response="180" optional="true"></recv>
  <recv response="200" rtd="2"></recv>
  <send><![CDATA[
{_ACK}
]]></send>
  <send retrans="500" start_rtd="3"><![CDATA[
{_BYE}
]]></send>
  <recv response="200" rtd="3"></recv>
</scenario>
"""

_ANSWER = """SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:]{tag}
[last_Call-ID:]
[last_CSeq:]
"""
_TAG = ";tag=[call_number]y"

UAS = f"""<?xml version="1.0" encoding="UTF-8" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="answers at once">
  <recv request="INVITE"></recv>
  <send><![CDATA[
{_ANSWER.format(status="100 Trying", tag="")}Content-Length: 0
]]></send>
  <send retrans="500"><![CDATA[
{_ANSWER.format(status="200 OK", tag=_TAG)}Contact: <sip:bot@[local_ip]:[local_port]>
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS
Content-Type: application/sdp
Content-Length: [len]

{_SDP}
]]></send>
  <recv request="ACK"></recv>
  <recv request="BYE"></recv>
  <send><![CDATA[
{_ANSWER.format(status="200 OK", tag="")}Content-Length: 0
]]></send>
</scenario>
"""

"""SIP and SDP for a user agent: sans-IO, to be read beside RFC 3261, RFC 3264 and RFC 8866."""

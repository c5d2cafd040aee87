"""The pump between sockets and the SIP core, and its addresses."""

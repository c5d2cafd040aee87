"""The referee: Deepgram's own client works against our server, so what our server accepts and sends is the protocol."""

"""Registration with a registrar (RFC 3261 §10.2), as a client."""

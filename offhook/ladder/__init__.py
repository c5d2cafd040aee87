"""SIP messages of calls, kept and shown as ladders."""

"""Twilio Media Streams: the messages, one stream's behaviour, the signature of its requests. Pure."""

"""The conversation: finds speech, ends turns, recognises, decides, speaks. Knows nothing of SIP or RTP."""

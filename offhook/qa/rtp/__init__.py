"""RTP streams, analysed as they come: from a capture, or live."""

"""Network captures: files of frames, the datagrams and segments in these, and the SIP messages in connections."""

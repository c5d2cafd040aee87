"""The caller: places a real call, sends and hears audio, and measures both at the packets."""

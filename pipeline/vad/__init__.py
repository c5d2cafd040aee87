"""Finding speech: engines say how likely a frame is speech, the gate makes starts and ends of it."""

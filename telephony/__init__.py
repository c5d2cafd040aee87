"""Media of a phone call: audio and DTMF over RTP or media streams, and the line that carries them."""

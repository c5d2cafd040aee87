"""Media of a telephone call: G.711 over RTP, key presses, and the line that carries them."""

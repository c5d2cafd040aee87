"""Speech detection: engines give probabilities per frame, the gate turns them into starts and ends of speech."""

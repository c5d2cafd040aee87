"""A child process that speaks texts with espeak-ng, which is GPL-3 and so is loaded in no other.

    python -m tests.pipeline.speak VOICE

Standard input: a JSON list of texts. Standard output: of each a line of JSON {"rate_hz", "bytes"} and 16-bit PCM.
"""

import json
import sys

from offhook.pipeline.engine_host.espeak_engine import Espeak

RATE_WPM = 175

if __name__ == "__main__":
    espeak = Espeak(sys.argv[1], RATE_WPM)
    for text in json.load(sys.stdin):
        samples, _ = espeak.synthesize(text)
        pcm = (samples * 32_767).astype("<i2").tobytes()
        header = json.dumps({"rate_hz": espeak.rate_hz, "bytes": len(pcm)})
        sys.stdout.buffer.write(header.encode() + b"\n" + pcm)

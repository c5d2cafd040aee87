"""How well recognisers understand what comes out of a phone line: `python -m bench.hearing`."""

"""Hosted recognisers and voices, one file for each vendor and direction, on a base that all share.

- `connection`: to a vendor, by a WebSocket (`websocket`) or another `wire`. Sending never blocks; an error says what,
  why, and what to type.
- `pool`: connections opened before they are needed, kept alive, renewed, and used again.
- `packing`: audio in messages of 20 to 100 ms, without added delay.
- `finals`: our endpoint forces the vendor's final; it is awaited for 300 ms, then the latest partial is taken.
- `turn`: one turn of a caller on such a connection, sent again from its start if that breaks.
- `g711`: which encoding an engine uses on a line.
"""

"""What helps to write a flow: its tests, its picture, doubts about it, and a caller who types."""

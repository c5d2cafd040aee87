"""Which steps and edges of a flow calls have walked."""

"""Language models: one Protocol, and the vendors' behind it."""

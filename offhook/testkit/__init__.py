"""Tools to test any telephone bot with: a relay that makes the network bad. They know nothing of offhook's insides."""

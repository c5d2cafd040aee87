"""Media formats on the wire, each written once for both directions. No behaviour."""

"""Call transfer: REFER with its NOTIFYs (RFC 3515, RFC 4488), and Replaces (RFC 3891)."""

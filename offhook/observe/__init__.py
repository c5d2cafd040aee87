"""What a running bot shows: log, metrics, traces, live calls."""

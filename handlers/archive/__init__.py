"""Old outputs come in from the processed bucket; they go out to the archive bucket, once each."""

"""Command lines come in; a demo, a running pipeline or transformed files go out."""

"""Command lines come in; tables or JSON and an exit code go out."""

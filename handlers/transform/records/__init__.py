"""Parsed records or rows of cells come in; cleaned JSON lines go out. Pure."""

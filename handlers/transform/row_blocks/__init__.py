"""Delimited rows come in, a block at once; their JSON lines go out, or that they are odd. Pure."""

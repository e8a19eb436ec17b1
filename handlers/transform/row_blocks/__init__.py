"""Blocks of delimited rows come in; their JSON lines go out, or None for an odd block. Pure."""

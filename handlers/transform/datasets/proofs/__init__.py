"""Columns of values come in; whether all surely meet their schema goes out. Pure."""

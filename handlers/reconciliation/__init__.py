"""Versions left in incoming/ come in; events of those that nobody will process any more go out."""

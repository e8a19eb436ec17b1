"""A stack comes in; small files go through it, and what became of them goes out."""

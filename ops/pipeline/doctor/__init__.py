"""A stack comes in; what is right and wrong with its resources goes out, with what mends it."""

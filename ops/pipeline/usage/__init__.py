"""A stack's account comes in; its settings, what it did and stores, and its bill go out."""

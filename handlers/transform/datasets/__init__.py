"""A dataset's declaration comes in; records that meet it, or what they break, go out. Pure."""

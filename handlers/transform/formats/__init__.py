"""Text in one format comes in; batches of encoded records go out, each with its end. Pure."""

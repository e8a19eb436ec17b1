"""Text in one format comes in; batches of encoded records go out, with where each ends. Pure."""

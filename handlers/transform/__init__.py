"""The bytes of a file come in; output lines and rejected records go out. Pure, as a stream."""

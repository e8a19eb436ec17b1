"""Messages and points in time come in; invocations of the functions go out."""

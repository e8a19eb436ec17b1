"""A function's archive and events come in; the results of real invocations go out."""

"""Log lines, invocations and queue counts come in; metrics and alarm states go out."""

"""The dead-letter queues come in; failures with their reasons go out, sent back or discarded."""

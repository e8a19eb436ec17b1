"""Messages of the dead-letter queues come in; failures with their reasons go out."""

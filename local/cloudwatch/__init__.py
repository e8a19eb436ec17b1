"""What the functions and queues did comes in; metrics and the states of the alarms go out."""

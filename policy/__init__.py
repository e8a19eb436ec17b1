"""The controls that every stack is held to, and the Pulumi policy pack that they make."""

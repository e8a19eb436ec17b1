"""A stack's resources come in; the controls that they violate go out, as a Pulumi policy pack."""

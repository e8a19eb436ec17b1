"""Functions and mappings come in; those that Lambda would refuse do not get through to moto."""

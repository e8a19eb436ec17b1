"""Functions, versions and mappings come in; those that Lambda would refuse do not reach moto."""

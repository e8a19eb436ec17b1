"""Stands in for Pulumi's engine: registrations come in; resources and outputs go out."""

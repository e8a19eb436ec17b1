"""A program's registrations come in; its resources and outputs go out, as from Pulumi's engine."""

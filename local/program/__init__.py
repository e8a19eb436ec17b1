"""The Pulumi program and a stack's settings come in; resources on the account go out."""

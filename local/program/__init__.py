"""The Pulumi program and a stack's configuration come in; resources on the account go out."""

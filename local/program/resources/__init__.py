"""A resource's inputs come in; the resource is made on the account, its outputs go out."""

"""A resource's inputs come in; the outputs of the resource made on the account go out."""

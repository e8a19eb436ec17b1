"""A resource's inputs come in; what the provider or AWS would refuse in them goes out."""

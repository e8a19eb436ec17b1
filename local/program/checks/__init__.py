"""A resource's inputs come in; what the provider or AWS would refuse of them goes out."""

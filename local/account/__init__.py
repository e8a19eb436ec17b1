"""API requests to an AWS account come in; answers of moto, made as strict as AWS, go out."""

"""An AWS account on this machine: API requests come in; moto answers, as strict as AWS."""

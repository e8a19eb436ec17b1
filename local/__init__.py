"""The pipeline on this machine: deployed onto moto, driven by a real queue loop and schedule."""

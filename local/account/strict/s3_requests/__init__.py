"""Every S3 request: who may make it, how it is answered, which event it sends."""

"""Every S3 request comes in; permissions are checked, and an answer and its event go out."""

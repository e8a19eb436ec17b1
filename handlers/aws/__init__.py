"""The only code that calls boto3: objects and messages in and out, AWS's errors as failures."""

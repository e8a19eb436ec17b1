"""The limits of S3, SQS and Lambda that moto does not check, each with AWS's page about it.

They are read at each use, so that a test can lower one and reach it without gigabytes.
"""

from typing import Final

MIB: Final = 1024 * 1024
GIB: Final = 1024 * MIB

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html: bytes of UTF-8.
max_key_bytes = 1024
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html: names and values.
max_metadata_bytes = 2048
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html and API_CopyObject.html: one
# put, one part and one copy, in bytes.
max_put_bytes = 5 * GIB
max_copy_bytes = 5 * GIB
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
max_deletes = 1000

# How long a retrieval of an archived object takes, by tier. AWS takes from a minute to twelve hours
# (https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html);
# here it takes seconds, so that a retrieval can be tried.
retrieval_seconds = {"Expedited": 1, "Standard": 5, "Bulk": 10}
# Whether AWS has capacity for expedited retrievals at the moment.
expedited_capacity = True
# The length of a day in the life of a temporary copy.
temporary_copy_day_seconds = 86_400

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html:
# bytes of the body together with names, types and values of the attributes.
max_message_bytes = MIB
max_message_attributes = 10
max_attribute_name_characters = 256
# Counted from the receive, in seconds.
max_visibility_seconds = 43200

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
max_timeout_seconds = 900
min_memory_mb, max_memory_mb = 128, 10240
max_environment_bytes = 4096
# https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html, of ephemeral storage.
max_snapshot_storage_mb = 512
# https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
max_batch, max_batch_without_window = 10000, 10
max_window_seconds = 300
min_concurrency, max_concurrency = 2, 1000

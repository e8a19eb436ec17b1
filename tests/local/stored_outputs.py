"""What a deployed stack tells of itself."""

OUTPUTS = {
    "raw_bucket_name",
    "raw_bucket_arn",
    "processed_bucket_name",
    "processed_bucket_arn",
    "archive_bucket_name",
    "data_processor_lambda_arn",
    "data_archiver_lambda_arn",
    "processing_queue_url",
    "dlq_url",
    "archiver_dlq_url",
    "alarm_topic_arn",
    "dashboard_url",
    "datasets",
    "glue_database_name",
    "athena_workgroup_name",
}

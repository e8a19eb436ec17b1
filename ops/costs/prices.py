"""AWS's list prices of some regions, as they were entered on one day. Pure.

Each is the first tier's: without free tiers, volume discounts, savings plans, credits and taxes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

ENTERED: Final = date(2026, 11, 27)
# Typed in from public copies of AWS's price list (July to October 2026), not from AWS itself. These
# are the pages to compare them with.
SOURCES: Final = (
    "https://aws.amazon.com/s3/pricing/",
    "https://aws.amazon.com/lambda/pricing/",
    "https://aws.amazon.com/sqs/pricing/",
    "https://aws.amazon.com/cloudwatch/pricing/",
    "https://aws.amazon.com/kms/pricing/",
    "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/index.json",
)
DISCLAIMER: Final = (
    f"list prices entered on {ENTERED.isoformat()}, first tier, without free tiers, discounts "
    "and taxes; AWS's bill is what counts"
)


@dataclass(frozen=True, kw_only=True)
class Prices:
    """The prices of a region in US dollars; each field's name ends in what the price is for."""

    standard_gb_month: Decimal
    standard_ia_gb_month: Decimal
    glacier_gb_month: Decimal  # S3 Glacier Flexible Retrieval
    writes_1000: Decimal  # PUT, COPY, POST and LIST requests
    reads_1000: Decimal  # GET and all other requests; DELETE is free
    standard_ia_writes_1000: Decimal  # copies into STANDARD_IA
    glacier_transitions_1000: Decimal
    lambda_requests_million: Decimal
    lambda_arm64_gb_second: Decimal
    lambda_x86_64_gb_second: Decimal
    queue_requests_million: Decimal
    logs_ingested_gb: Decimal
    logs_stored_gb_month: Decimal
    alarm_month: Decimal  # each metric that an alarm looks at
    metric_month: Decimal  # each custom metric
    dashboard_month: Decimal
    key_month: Decimal  # a customer managed KMS key
    key_requests_10000: Decimal


def _prices(  # one region's, of those that differ
    *, standard: str, ia: str, glacier: str, write: str, read: str, transition: str, logs: str,
    stored: str = "0.03",
) -> Prices:  # fmt: skip
    return Prices(
        standard_gb_month=Decimal(standard),
        standard_ia_gb_month=Decimal(ia),
        glacier_gb_month=Decimal(glacier),
        writes_1000=Decimal(write),
        reads_1000=Decimal(read),
        standard_ia_writes_1000=Decimal("0.01"),
        glacier_transitions_1000=Decimal(transition),
        lambda_requests_million=Decimal("0.20"),
        lambda_arm64_gb_second=Decimal("0.0000133334"),
        lambda_x86_64_gb_second=Decimal("0.0000166667"),
        queue_requests_million=Decimal("0.40"),
        logs_ingested_gb=Decimal(logs),
        logs_stored_gb_month=Decimal(stored),
        alarm_month=Decimal("0.10"),
        metric_month=Decimal("0.30"),
        dashboard_month=Decimal("3.00"),
        key_month=Decimal("1.00"),
        key_requests_10000=Decimal("0.03"),
    )


# Whose prices stand for those of a region that has none here.
DEFAULT_REGION: Final = "us-east-1"
REGIONS: Final[Mapping[str, Prices]] = {
    "us-east-1": _prices(
        standard="0.023", ia="0.0125", glacier="0.0036", write="0.005", read="0.0004",
        transition="0.03", logs="0.50",
    ),
    "us-west-2": _prices(
        standard="0.023", ia="0.0125", glacier="0.0036", write="0.005", read="0.0004",
        transition="0.03", logs="0.50",
    ),
    "eu-west-1": _prices(
        standard="0.023", ia="0.0125", glacier="0.0036", write="0.005", read="0.0004",
        transition="0.033", logs="0.57",
    ),
    "eu-central-1": _prices(
        standard="0.0245", ia="0.0135", glacier="0.00405", write="0.0054", read="0.00043",
        transition="0.036", logs="0.63", stored="0.0324",
    ),
    "ap-southeast-1": _prices(
        standard="0.025", ia="0.0138", glacier="0.0045", write="0.005", read="0.0004",
        transition="0.036", logs="0.70",
    ),
}  # fmt: skip


def nearest(region: str) -> str:
    """Return a region if it has prices here, else the one whose prices stand for them."""
    return region if region in REGIONS else DEFAULT_REGION

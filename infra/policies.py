"""Print the IAM policies for deploying a stack: `python -m infra.policies --help`."""

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from infra import deployer
from infra.deployer import Document, Target

_SPACES: Final = 2
_PARTITIONS: Final = ("aws", "aws-cn", "aws-us-gov")
# Every document by its name on the command line; each is one managed policy.
DOCUMENTS: Final[Mapping[str, Callable[[Target], Document]]] = {
    **{
        f"deployer-{purpose}": lambda target, purpose=purpose: deployer.deployer(target)[purpose]
        for purpose in deployer.PURPOSES
    },
    "preview": deployer.preview,
}


def text(document: Document) -> str:
    """Return a document as text, as in the files and on the page."""
    return json.dumps(document, indent=_SPACES)


def main(arguments: Sequence[str]) -> None:
    """Print the document that the arguments name; exit with 2 if they are wrong."""
    given = _parser().parse_args(arguments)
    target = Target(
        name=given.name,
        account=given.account,
        region=given.region,
        partition=given.partition,
        buckets=given.bucket,
        kms_key_arn=given.kms_key_arn,
        permissions_boundary_arn=given.permissions_boundary_arn,
        empties_buckets=given.empty_buckets,
    )
    print(text(DOCUMENTS[given.document](target)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.policies",
        description="Print an IAM policy of whoever deploys a stack, as JSON for "
        "`aws iam create-policy`. The deployer has every deployer policy; preview reads alone.",
    )
    parser.add_argument("document", choices=DOCUMENTS)
    parser.add_argument(
        "--name", required=True, metavar="PROJECT-STACK", help="as s3-data-pipeline-prod"
    )
    parser.add_argument("--account", required=True, type=_account, metavar="ID", help="12 digits")
    parser.add_argument("--region", required=True, help="the stack's aws:region")
    parser.add_argument("--partition", choices=_PARTITIONS, default=_PARTITIONS[0])
    parser.add_argument(
        "--bucket", action="append", default=[], metavar="NAME",
        help="a name of rawBucketName, processedBucketName or archiveBucketName; repeatable",
    )  # fmt: skip
    parser.add_argument("--kms-key-arn", metavar="ARN", help="kmsKeyArn, where it is set")
    parser.add_argument(
        "--permissions-boundary-arn",
        metavar="ARN",
        help="let it make roles with this boundary only",
    )
    parser.add_argument(
        "--empty-buckets", action="store_true",
        help="let destroy delete the data, as it does where protectData is false",
    )  # fmt: skip
    return parser


def _account(value: str) -> str:
    if not re.fullmatch(r"[0-9]{12}", value):
        msg = f"{value!r}, allowed: 12 digits"
        raise argparse.ArgumentTypeError(msg)
    return value


if __name__ == "__main__":
    main(sys.argv[1:])

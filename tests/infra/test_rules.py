import pytest

from infra import rules


@pytest.mark.parametrize("name", ["acme-raw", "a1b", "0-0", "a" * 63])
def test_bucket_names_that_s3_takes(name: str):
    assert rules.is_bucket_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "ab", "a" * 64, "Acme", "acme_raw", "acme.raw", "-acme", "acme-", "acmé", "acme\n",
     "xn--acme", "sthree-acme", "amzn-s3-demo-x", "acme-s3alias", "acme--ol-s3", "acme--x-s3",
     "192.168.5.4"],
)  # fmt: skip
def test_bucket_names_that_s3_refuses(name: str):
    assert not rules.is_bucket_name(name)


@pytest.mark.parametrize("key", ["mrk-" + "0" * 32, "12345678-1234-abcd-1234-123456789012"])
@pytest.mark.parametrize(
    "start",
    ["arn:aws:kms:eu-central-1", "arn:aws-cn:kms:cn-north-1", "arn:aws-us-gov:kms:us-gov-west-1"],
)
def test_key_arns(start: str, key: str):
    assert rules.is_key_arn(f"{start}:123456789012:key/{key}")
    assert not rules.is_key_arn(f"{start}:123456789012:alias/{key}")
    assert not rules.is_key_arn(f"{start}:12345678901:key/{key}")


@pytest.mark.parametrize("email", ["ops@example.com", "first.last+tag@mail.example.co.uk"])
def test_email_addresses(email: str):
    assert rules.is_email(email)


@pytest.mark.parametrize("email", ["ops", "ops@", "@example.com", "a b@example.com", "a@b@c.de"])
def test_texts_that_are_no_email_addresses(email: str):
    assert not rules.is_email(email)

import pytest

from infra import rules


@pytest.mark.parametrize(
    "schedule",
    [
        "cron(0 2 * * ? *)",
        "cron(15 10 ? * 6L 2022-2023)",
        "cron(0/15 * ? * MON-FRI *)",
        "cron(0 0 L * ? *)",
        "cron(0 0 LW * ? *)",
        "cron(0 0 15W * ? *)",
        "cron(0 0 ? * FRI#2 *)",
        "cron(5,35 14 1,15 JAN-JUN ? *)",
        "rate(1 day)",
        "rate(12 hours)",
        "rate(90 minutes)",
    ],
)
def test_schedules_that_the_scheduler_takes(schedule: str):
    assert rules.is_schedule(schedule)


@pytest.mark.parametrize(
    "schedule",
    [
        "cron(0 2 * * * *)",
        "cron(0 2 ? * ? *)",
        "cron(0 24 * * ? *)",
        "cron(-1 2 * * ? *)",
        "cron(0 2 0 * ? *)",
        "cron(0 2 32 * ? *)",
        "cron(0 2 * 13 ? *)",
        "cron(0 2 * FOO ? *)",
        "cron(0 2 ? * 8 *)",
        "cron(0 2 ? * 0 *)",
        "cron(0 2 ? * FRI-MON *)",
        "cron(0 2 ? * FRI#6 *)",
        "cron(0/0 2 * * ? *)",
        "cron(? 2 * * ? *)",
        "cron(0 2 * * ? 1969)",
        "cron(0 2 * * ?)",
        "cron(0 2 * * ? *) ",
        "cron()",
        "rate(1)",
        "rate(0 minutes)",
        "rate(-1 day)",
        "rate(1.5 hours)",
        "rate(1 month)",
        "",
    ],
)
def test_schedules_that_the_scheduler_refuses(schedule: str):
    assert not rules.is_schedule(schedule)


@pytest.mark.parametrize(
    ("schedule", "daily"),
    [
        ("cron(0 2 * * ? *)", True),
        ("cron(0 2 ? * * *)", True),
        ("cron(0/5 * * * ? *)", True),
        ("rate(1 day)", True),
        ("rate(6 hours)", True),
        ("rate(2 days)", False),
        ("rate(25 hours)", False),
        ("rate(1441 minutes)", False),
        ("cron(0 2 ? * MON-FRI *)", False),
        ("cron(0 2 1 * ? *)", False),
        ("cron(0 2 * JAN ? *)", False),
        ("cron(0 2 * * ? 2030)", False),
    ],
)
def test_which_schedules_run_daily(schedule: str, daily: bool):
    assert rules.is_schedule(schedule)
    assert rules.runs_daily(schedule) is daily


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

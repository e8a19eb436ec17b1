"""Settings that lose money whatever the load; `pulumi preview` warns of them. Pure.

What depends on the load, `python -m ops cost` and `status` say.
"""

from typing import Final

from infra.settings import Settings

# https://aws.amazon.com/s3/pricing/: what leaves a class earlier is billed for the rest.
STANDARD_IA_MINIMUM_DAYS: Final = 30
GLACIER_MINIMUM_DAYS: Final = 90


def certain_losses(settings: Settings) -> list[str]:
    """Return a sentence for each setting that costs more than another value, and gives nothing."""
    losses: list[str] = []
    # Where objects expire by then, archiveDays cannot be that much: it has to be less.
    may_be_30 = not 0 < settings.expiration_days <= STANDARD_IA_MINIMUM_DAYS
    if settings.archive_days < STANDARD_IA_MINIMUM_DAYS and may_be_30:
        losses.append(
            f"archiveDays {settings.archive_days} loses money: STANDARD_IA bills "
            f"{STANDARD_IA_MINIMUM_DAYS} days of each object anyway, and GLACIER is paid on top "
            f"for those days; {STANDARD_IA_MINIMUM_DAYS} costs less"
        )
    # An object that expires stays as a noncurrent version, and is billed, for some days more.
    kept = settings.expiration_days - settings.archive_days + settings.noncurrent_days
    if settings.expiration_days and kept < GLACIER_MINIMUM_DAYS:
        same = settings.expiration_days + GLACIER_MINIMUM_DAYS - kept
        losses.append(
            f"expirationDays {settings.expiration_days} loses money: with archiveDays "
            f"{settings.archive_days} and noncurrentDays {settings.noncurrent_days} an object is "
            f"in GLACIER for {kept} days, and {GLACIER_MINIMUM_DAYS} are billed; {same} costs no "
            "more"
        )
    return losses

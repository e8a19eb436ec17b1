"""What bundles save, by list price: each bundle's requests are counted once, none is forgotten."""

import pytest

from handlers.archive.savings import saved_dollars
from handlers.archive.summary import Counts
from handlers.aws import uploads
from handlers.aws.object_info import Location
from handlers.aws.objects import Storage
from handlers.aws.uploads import PART_BYTES, Upload, requests
from tests.proof.memory import Client, MemoryS3

PUT_OF_IA, TRANSITION, GET, PUT = 0.01 / 1000, 0.03 / 1000, 0.0004 / 1000, 0.005 / 1000
IA_DAY = 0.0125 / 30 / 1024**3


def test_what_was_copied_saves_nothing():
    assert saved_dollars(Counts(moved=9, moved_bytes=9), archive_days=90) == 0


def test_a_thousand_outputs_in_a_bundle_of_parts():
    """A bundle that is finished later costs as much: its index, three listings, and one look."""
    counts = Counts(
        moved=1_000,
        bundled=1_000,
        bundled_bytes=1_000_000,
        bundles=1,
        bundle_bytes=20_000_000,
        bundle_requests=5,
    )
    alone = 1_000 * (PUT_OF_IA + TRANSITION) + 1_000 * 128 * 1024 * IA_DAY * 90
    bundle = 5 * PUT_OF_IA + TRANSITION + 4 * PUT + GET
    together = 1_000 * GET + bundle + 20_000_000 * IA_DAY * 90
    assert saved_dollars(counts, archive_days=90) == pytest.approx(alone - together)


@pytest.mark.parametrize("size", [0, 1, 599, 600, 601, 1_200, 1_201, 2_000])
def test_the_requests_of_an_upload_are_told_by_its_size(monkeypatch, size):
    monkeypatch.setattr(uploads, "PART_BYTES", 600)
    storage = Storage(Client(MemoryS3(versioned=("archive",), min_part=600)))
    where = Location(bucket="archive", key="a")
    upload = Upload(storage, where, content_type="text/plain", storage_class="STANDARD_IA")
    for start in range(0, size, 250):
        upload.write(b"x" * min(250, size - start))
    upload.commit()
    assert requests(size) == storage.take_calls()


def test_a_full_bundle_takes_34_requests():
    assert requests(256 * 1024**2) == 256 * 1024**2 // PART_BYTES + 2 == 34

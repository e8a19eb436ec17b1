"""Deletes the outputs that stand in the archive, each only if it is still the same."""

from collections.abc import Sequence
from typing import Final

from handlers.archive.context import RunContext
from handlers.archive.summary import Counts
from handlers.aws.failures import (
    AccessDeniedError,
    GoneError,
    PermanentError,
    TakenError,
    TransientError,
)
from handlers.aws.object_info import ObjectInfo
from handlers.aws.objects import DELETE_BATCH

# Another run moved it, or it was replaced.
PASSED: Final = (GoneError, TakenError)


class Deletions:
    """Deletes outputs from the processed bucket, a thousand a call."""

    def __init__(self, context: RunContext) -> None:
        self._storage = context.storage
        self._bucket = context.environment.processed_bucket
        self._log = context.log
        self._pool = context.pool

    def delete(self, outputs: Sequence[ObjectInfo]) -> Counts:
        """Delete exactly the outputs given; count those as moved, and how the others failed."""
        failures = self._failures(outputs)
        for key, failure in failures.items():
            self._log.warning("not deleted, the next run looks again", key=key, reason=str(failure))
        undeleted = [one for one in failures.values() if not isinstance(one, PASSED)]
        moved = [one for one in outputs if one.location.key not in failures]
        return Counts(
            moved=len(moved),
            moved_bytes=sum(one.size for one in moved),
            skipped=len(failures) - len(undeleted),
            failed=len(undeleted),
            undeleted=len(undeleted),
            denied=sum(isinstance(one, AccessDeniedError) for one in undeleted),
        )

    def _failures(self, outputs: Sequence[ObjectInfo]) -> dict[str, Exception]:
        """Delete the outputs; return the failures by key.

        A key that XML cannot hold makes S3 refuse the whole batch; then each is deleted alone.
        """
        batches = [outputs[at : at + DELETE_BATCH] for at in range(0, len(outputs), DELETE_BATCH)]
        failures: dict[str, Exception] = {}
        alone: list[ObjectInfo] = []
        for batch, failed in zip(batches, self._pool.map(self._delete_batch, batches), strict=True):
            if failed is None:
                alone += batch
            else:
                failures |= failed
        one_by_one = zip(alone, self._pool.map(self._delete_alone, alone), strict=True)
        return failures | {one.location.key: failure for one, failure in one_by_one if failure}

    def _delete_batch(self, batch: Sequence[ObjectInfo]) -> dict[str, Exception] | None:
        etags: dict[str, str | None] = {one.location.key: one.etag for one in batch}
        try:
            return self._storage.delete_all(self._bucket, etags)
        except TransientError as error:
            return dict.fromkeys(etags, error)
        except PermanentError as error:
            self._log.warning("batch refused, each object is deleted alone", reason=str(error))
            return None

    def _delete_alone(self, output: ObjectInfo) -> Exception | None:
        try:
            self._storage.delete(output)
        except (*PASSED, TransientError, PermanentError) as error:
            return error
        return None

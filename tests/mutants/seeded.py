"""Bugs that a hand could slip in, each with the tests that have to notice it."""

from dataclasses import dataclass
from pathlib import Path

DELIVERY = ("tests/handlers/test_delivery.py", "tests/handlers/test_staging.py", "tests/proof")
PROCESSOR = ("tests/handlers/test_processor.py", *DELIVERY)
ARCHIVER = ("tests/handlers/test_archiver.py", "tests/proof")
FORMATS = (
    "tests/handlers/test_names.py",
    "tests/handlers/test_numbers.py",
    "tests/handlers/test_records.py",
    "tests/handlers/test_ndjson.py",
    "tests/handlers/test_array.py",
    "tests/handlers/test_delimited.py",
    "tests/handlers/test_text.py",
    "tests/handlers/test_formats.py",
)
OPERATORS = ("tests/ops/test_dead_letters.py", "tests/ops/test_status.py")


@dataclass(frozen=True)
class Mutant:
    """One bug: `old` stands once in the file at `path`, and becomes `new`."""

    name: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...]

    def apply(self, root: Path) -> None:
        file = root / self.path
        text = file.read_text()
        if text.count(self.old) != 1:
            msg = f"{self.name}: {self.old!r} stands {text.count(self.old)} times in {self.path}"
            raise ValueError(msg)
        file.write_text(text.replace(self.old, self.new))


MUTANTS = (
    Mutant(
        "delete-before-copy",
        "handlers/delivery.py",
        '        mark = {keys.SOURCE_VERSION: where.version or ""}\n',
        '        mark = {keys.SOURCE_VERSION: where.version or ""}\n'
        "        self._storage.delete_version(where)\n",
        DELIVERY,
    ),
    Mutant(
        "delete-before-put",
        "handlers/delivery.py",
        "        key, found = self._commit(source, written, staging, passes)\n",
        "        self._storage.delete_version(opened.info.location)\n"
        "        key, found = self._commit(source, written, staging, passes)\n",
        DELIVERY,
    ),
    Mutant(
        "unversioned-read",
        "handlers/delivery.py",
        "location = Location(bucket=reference.bucket, key=reference.key, version=reference.version)",
        "location = Location(bucket=reference.bucket, key=reference.key)",
        DELIVERY,
    ),
    Mutant(
        "unversioned-delete",
        "handlers/storage.py",
        "            self._s3.delete_object(**location.parameters())",
        "            self._s3.delete_object(Bucket=location.bucket, Key=location.key)",
        DELIVERY,
    ),
    Mutant(
        "unconditional-put",
        "handlers/storage.py",
        '                ContentType=content_type,\n                IfNoneMatch="*",',
        "                ContentType=content_type,",
        DELIVERY,
    ),
    Mutant(
        "unconditional-complete",
        "handlers/storage.py",
        'MultipartUpload={"Parts": parts}, IfNoneMatch="*"',
        'MultipartUpload={"Parts": parts}',
        ("tests/handlers/test_storage.py",),
    ),
    Mutant(
        "anybody's-output-is-mine",
        "handlers/outputs.py",
        "            and metadata.get(keys.SOURCE_VERSION) == self.version",
        "",
        DELIVERY,
    ),
    Mutant(
        "names-freed-by-the-archiver",
        "handlers/outputs.py",
        "        if archived and key.startswith(keys.PROCESSED):",
        "        if archived and key.startswith(keys.REJECTED):",
        DELIVERY,
    ),
    Mutant(
        "wrong-date",
        "handlers/delivery.py",
        "    day = info.modified.astimezone(UTC).date()",
        "    day = datetime.now(UTC).date()",
        DELIVERY,
    ),
    Mutant(
        "lost-rejects",
        "handlers/stretches.py",
        "        self._rejects += rejects\n",
        "",
        DELIVERY,
    ),
    Mutant(
        "rejects-after-the-commit-are-forgotten",
        "handlers/delivery.py",
        "        if counts.rejected:\n",
        "        if counts.rejected > 1:\n",
        DELIVERY,
    ),
    Mutant(
        "a-stretch-twice",
        "handlers/stretches.py",
        "                        start, stretch = progress.position, Stretch(compressed=self.compressed)",
        "                        start = progress.position",
        DELIVERY,
    ),
    Mutant(
        "a-new-time-for-each-invocation",
        "handlers/staging.py",
        '            processed_at=datetime.fromisoformat(metadata["processed-at"]),',
        "            processed_at=datetime.now().astimezone(),",
        DELIVERY,
    ),
    Mutant(
        "too-many-rejects-are-fine",
        "handlers/delivery.py",
        "    if rejected * 100 <= max_rejected_percent * records:",
        "    if rejected * 100 <= max_rejected_percent * records + 100:",
        DELIVERY,
    ),
    Mutant(
        "swallowed-failure",
        "handlers/data_processor.py",
        "            return self._retry(reference, error, attempt)",
        '            return Result(status="processed")',
        PROCESSOR,
    ),
    Mutant(
        "doubled-batch-item",
        "handlers/data_processor.py",
        "            if not _is_settled(done[message])\n        ]\n        return",
        "        ]\n        return",
        PROCESSOR,
    ),
    Mutant(
        "first-record-only",
        "handlers/data_processor.py",
        "attempt) for reference in reading.references\n",
        "attempt) for reference in reading.references[:1]\n",
        (*PROCESSOR, "tests/handlers/test_events.py"),
    ),
    Mutant(
        "no-reason-in-the-letter",
        "handlers/data_processor.py",
        "            self._messenger.send(self._environment.dead_letter_queue_url, body, attributes)",
        "            self._messenger.send(self._environment.dead_letter_queue_url, body)",
        PROCESSOR,
    ),
    Mutant(
        "one-attempt-too-many",
        "handlers/data_processor.py",
        "        if attempt >= self._environment.max_attempts:",
        "        if attempt > self._environment.max_attempts:",
        PROCESSOR,
    ),
    Mutant(
        "last-back-off-too-short",
        "handlers/attempts.py",
        "BACK_OFF_SECONDS: Final = (60, 300, 900)",
        "BACK_OFF_SECONDS: Final = (60, 300, 480)",
        ("tests/proof/test_outage.py",),
    ),
    Mutant(
        "never-alone",
        "handlers/attempts.py",
        "timedelta(seconds=VISIBILITY_TIMEOUTS * timeout_seconds)",
        "timedelta(days=VISIBILITY_TIMEOUTS * timeout_seconds)",
        PROCESSOR,
    ),
    Mutant(
        "always-in-the-same-order",
        "handlers/attempts.py",
        'key=lambda record: record["messageId"], reverse=turned)',
        'key=lambda record: record["messageId"])',
        PROCESSOR,
    ),
    Mutant(
        "done-but-not-deleted-before-the-next",
        "handlers/data_processor.py",
        "            finished = [record]",
        "            finished = together",
        PROCESSOR,
    ),
    Mutant(
        "no-time-is-an-attempt",
        "handlers/data_processor.py",
        "            return self._put_off(record)",
        "            pass",
        PROCESSOR,
    ),
    Mutant(
        "unsettled-deleted",
        "handlers/data_processor.py",
        "            if _is_settled(done[_message_id(record)]):",
        "            if done[_message_id(record)]:",
        PROCESSOR,
    ),
    Mutant(
        "passes-not-counted-on",
        "handlers/delivery.py",
        "    passes = 1 + (int(before) if before.isascii() and before.isdecimal() else 0)",
        "    passes = 1",
        PROCESSOR,
    ),
    Mutant(
        "continuations-not-counted",
        "handlers/delivery.py",
        "    return replace(reference, continuations=reference.continuations + 1)",
        "    return replace(reference, continuations=1)",
        PROCESSOR,
    ),
    Mutant(
        "key-not-decoded",
        "handlers/events.py",
        "            key=_decode(encoded),",
        "            key=encoded,",
        ("tests/handlers/test_events.py", "tests/proof"),
    ),
    Mutant(
        "key-decoded-twice",
        "handlers/events.py",
        '        return unquote_plus(encoded, errors="strict")',
        '        return unquote_plus(unquote_plus(encoded, errors="strict"), errors="strict")',
        ("tests/handlers/test_events.py", "tests/proof"),
    ),
    Mutant(
        "young-objects-archived",
        "handlers/retention.py",
        "due = [entry for entry in page if entry.modified < cutoff and _is_output(entry)]",
        "due = [entry for entry in page if _is_output(entry)]",
        ARCHIVER,
    ),
    Mutant(
        "deleted-unchecked",
        "handlers/retention.py",
        "        checked = self._check([copy for copy in copies if copy.etag])",
        "        checked = list(copies)",
        ARCHIVER,
    ),
    Mutant(
        "archiver-deletes-what-was-replaced",
        "handlers/retention.py",
        "        etags = {copy.source.location.key: copy.source.etag for copy in copies}",
        "        etags = {copy.source.location.key: None for copy in copies}",
        ARCHIVER,
    ),
    Mutant(
        "what-was-replaced-is-deleted-alone",
        "handlers/storage.py",
        "            self._s3.delete_object(**source.location.parameters(), IfMatch=source.etag)",
        "            self._s3.delete_object(**source.location.parameters())",
        ARCHIVER,
    ),
    Mutant(
        "moved-by-another-run-and-counted",
        "handlers/retention.py",
        "        moved = [copy for copy in checked if copy.source.location.key not in failures]",
        "        moved = checked",
        ARCHIVER,
    ),
    Mutant(
        "the-archivers-margin-has-the-wrong-sign",
        "handlers/outputs.py",
        "        return start + _LEAST_RETENTION <= now + _ARCHIVER_MARGIN",
        "        return start + _LEAST_RETENTION <= now - _ARCHIVER_MARGIN",
        ("tests/handlers/test_delivery.py",),
    ),
    Mutant(
        "an-archived-copy-is-checked-by-its-size",
        "handlers/retention.py",
        "                if copy and (entry.etag, entry.size) == (copy.etag, copy.source.size):",
        "                if copy and entry.size == copy.source.size:",
        ("tests/handlers/test_archiver.py",),
    ),
    Mutant(
        "the-cutoffs-own-day-waits-a-day",
        "handlers/retention.py",
        "keys.day_prefix(keys.PROCESSED, cutoff.date() + timedelta(days=1))",
        "keys.day_prefix(keys.PROCESSED, cutoff.date() + timedelta(days=0))",
        ("tests/handlers/test_archiver.py",),
    ),
    Mutant(
        "a-join-is-put-off-without-end",
        "handlers/delivery.py",
        "        if isinstance(written, Written) and written.staged and not begun.complete:",
        "        if isinstance(written, Written) and written.staged:",
        ("tests/handlers/test_staging.py",),
    ),
    Mutant(
        "renamed-fields-lost-by-a-continuation",
        "handlers/stretches.py",
        "                    renamed = begun.counts.renamed + encoder.renamed",
        "                    renamed = encoder.renamed",
        ("tests/handlers/test_staging.py",),
    ),
    Mutant(
        "a-second-reading-among-the-first",
        "handlers/staging.py",
        '        if encoding in ("", UTF8):',
        '        if encoding != "never":',
        ("tests/handlers/test_staging.py",),
    ),
    Mutant(
        "a-fallback-changes-within-a-file",
        "handlers/delivery.py",
        "        environment.fallback_encoding,\n    )",
        "    )",
        ("tests/handlers/test_staging.py",),
    ),
    Mutant(
        "two-builds-share-a-file",
        "handlers/delivery.py",
        "repr((code_digest(), settings))",
        "repr(settings)",
        ("tests/handlers/test_staging.py",),
    ),
    Mutant(
        "growth-forgotten-by-a-continuation",
        "handlers/staging.py",
        'output_bytes=int(metadata["output-bytes"]),',
        "output_bytes=0,",
        ("tests/handlers/test_staging.py",),
    ),
    Mutant(
        "rejects-are-no-growth",
        "handlers/stretches.py",
        "        return sum(map(len, batch.lines)) + reject_bytes",
        "        return sum(map(len, batch.lines))",
        ("tests/handlers/test_delivery.py",),
    ),
    Mutant(
        "broken-rows-forgotten-by-a-continuation",
        "handlers/formats/delimited.py",
        "            lines_end = self._lines_end if self._reads_lines else 0",
        "            lines_end = 0",
        ("tests/handlers/test_delimited.py",),
    ),
    Mutant(
        "a-young-version-is-gone-for-good",
        "handlers/delivery.py",
        "        if created and self._now() - created < _NOT_FOUND_FOR:",
        "        if created and self._now() - created > _NOT_FOUND_FOR:",
        ("tests/handlers/test_delivery.py",),
    ),
    Mutant(
        "a-name-taken-from-whose-it-is",
        "handlers/names.py",
        "        if name not in keepers or (raw[at] == name != raw[keepers[name]]):",
        "        if name not in keepers:",
        ("tests/handlers/test_names.py",),
    ),
    Mutant(
        "quoted-etags-in-a-batch",
        "handlers/storage.py",
        "    return etag.strip('\"')\n",
        "    return etag\n",
        ("tests/handlers/test_storage.py",),
    ),
    Mutant(
        "names-that-xml-cannot-carry",
        "handlers/keys.py",
        "    path = _writable(_relative(key))\n",
        "    path = _relative(key)\n",
        ("tests/handlers/test_keys.py",),
    ),
    Mutant(
        "odd-originals-meet-plain-ones",
        "handlers/keys.py",
        "    if fits and not _UNWRITABLE.search(path) and not _SHORTENED.search(path):\n        return plain",
        "    if fits and not _SHORTENED.search(path):\n        return _writable(plain)",
        ("tests/handlers/test_keys.py",),
    ),
    Mutant(
        "a-run-copies-on-and-deletes-nothing",
        "handlers/retention.py",
        "        return not self.archived and self.undeleted >= _HOPELESS_DELETES",
        "        return False",
        ARCHIVER,
    ),
    Mutant(
        "copies-what-was-replaced",
        "handlers/storage.py",
        "                CopySourceIfMatch=source.etag,\n                StorageClass",
        "                StorageClass",
        ARCHIVER,
    ),
    Mutant(
        "archiver-skips-behind-its-time",
        "handlers/retention.py",
        "    waiting = next((copy.source for copy in copies if not copy.begun), None)",
        "    waiting = None",
        ARCHIVER,
    ),
    Mutant(
        "days-meet-in-the-archive",
        "handlers/keys.py",
        "    return ARCHIVE + processed.removeprefix(PROCESSED)",
        "    return ARCHIVE + processed[len(PROCESSED) + 11 :]",
        ("tests/handlers/test_keys.py", *ARCHIVER),
    ),
    Mutant(
        "a-name-for-two-versions",
        "handlers/keys.py",
        '    return hashlib.sha256(f"{key}\\0{version}".encode()).hexdigest()',
        "    return hashlib.sha256(key.encode()).hexdigest()",
        ("tests/handlers/test_keys.py", *DELIVERY),
    ),
    Mutant(
        "long-keys-grow",
        "handlers/keys.py",
        "    return (plain, *marked) if len(plain.encode()) <= MAX_KEY_BYTES else marked",
        "    return (plain, *marked)",
        ("tests/handlers/test_keys.py",),
    ),
    Mutant(
        "zero-is-empty",
        "handlers/cleaning.py",
        "            elif value != 0:\n                continue",
        "            else:\n                continue",
        FORMATS,
    ),
    Mutant(
        "digits-lost",
        "handlers/numbers.py",
        '    return _SURE + b"e" not in shapes and _are_written_so(_long_numbers(block, shapes))',
        "    return True",
        FORMATS,
    ),
    Mutant(
        "a-name-twice-loses-one",
        "handlers/names.py",
        "        self.meeting = self.meeting or normalized in self._normalized\n",
        "",
        FORMATS,
    ),
    Mutant(
        "two-broken-lines-make-one",
        "handlers/formats/ndjson.py",
        "    whole = len(values) == 2 * count - 1 and values[1::2] == [mark] * (count - 1)",
        "    whole = True",
        FORMATS,
    ),
    Mutant(
        "ragged-rows-kept",
        "handlers/formats/delimited.py",
        "        elif not problem and len(row) != self._columns:",
        "        elif not problem and len(row) > self._columns:",
        FORMATS,
    ),
    Mutant(
        "open-quote-forgiven",
        "handlers/formats/delimited.py",
        "strict=True)\n            try",
        "strict=False)\n            try",
        FORMATS,
    ),
    Mutant(
        "discard-before-it-is-on-disk",
        "ops/clearing.py",
        "                lines.flush()\n                os.fsync(lines.fileno())\n",
        "",
        OPERATORS,
    ),
    Mutant(
        "discard-without-sync",
        "ops/clearing.py",
        "                os.fsync(lines.fileno())\n",
        "",
        OPERATORS,
    ),
    Mutant(
        "letters-in-flight-are-all-well",
        "ops/status.py",
        "        return self.waiting + self.in_flight",
        "        return self.waiting",
        OPERATORS,
    ),
    Mutant(
        "held-letters-unsaid",
        "ops/failures.py",
        "depth(account.sqs, url)[1] for name, url",
        "0 * depth(account.sqs, url)[1] for name, url",
        OPERATORS,
    ),
)

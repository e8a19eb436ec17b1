"""A key comes in; the bad records of its file go out, and corrected ones go in as a new file."""

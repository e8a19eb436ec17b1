"""All that runs in Lambda, and nothing else; packaged whole."""

__version__ = "1.0.0"

"""All that runs in Lambda, packaged whole: events come in; stored objects and messages go out."""

__version__ = "1.0.0"

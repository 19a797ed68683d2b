__all__ = ["ChatProtoError", "__version__", "error_codes"]

__version__: str
"""The version of the package, such as "0.1.0"."""

class ChatProtoError(Exception):
    """The base class of every exception that chatproto raises."""

def error_codes() -> dict[str, str]:
    """Returns the sentence a person is shown for each error code, in Indonesian.

    The keys are the codes as they stand in replies, such as `inbox_full`, in the order of their
    numbers. Each call returns a new dictionary.
    """

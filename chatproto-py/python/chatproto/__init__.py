"""chatproto: a chat realm as a library.

>>> import chatproto
>>> chatproto.error_codes()["wrong_password"]
'Password Salah'
"""

from chatproto._native import ChatProtoError, __version__, error_codes

__all__ = ["ChatProtoError", "__version__", "error_codes"]

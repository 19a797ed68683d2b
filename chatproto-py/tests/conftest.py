"""What holds for all tests."""

import signal

# What runs in the background of a shell is started deaf to Ctrl-C, and so would be what it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

"""The exit codes of every verb. Imports nothing, so that Ctrl-C is heard from the first moment on."""

NOTHING_FOUND, BAD_USE, TROUBLE, INTERRUPTED = 1, 2, 3, 130
EXIT_CODES = (
    "Exit codes: 0 found or done; 1 nothing found, or something was left out; 2 asked wrongly; "
    "3 trouble with the store or the encoder; 130 stopped by Ctrl-C."
)

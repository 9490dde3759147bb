"""Whether a request to Elasticsearch is worth sending again, and after what pause."""

from __future__ import annotations

import random

from elastic_transport import ApiError, ConnectionError, ConnectionTimeout, TlsError

from petfinder.stores.elasticsearch.errors import BLOCK, causes_of

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 30.0
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_LASTING = frozenset({"security_exception", "media_type_header_exception"})


def worth_retrying(failure: Exception | int, kind: str | None = None) -> bool:
    """Tell whether the same request (an error) or item (its status and its error's type) may well succeed later."""
    if isinstance(failure, int):
        if kind == BLOCK:
            return failure == 503  # no master yet; the blocks with other statuses stay until somebody lifts them
        return failure in _PASSING and kind not in _LASTING
    if isinstance(failure, ApiError):
        return all(worth_retrying(failure.meta.status, kind) for kind, _ in causes_of(failure) or [("", "")])
    return isinstance(failure, (ConnectionError, ConnectionTimeout)) and not isinstance(failure, TlsError)


def pause(attempt: int, error: Exception | None = None) -> float:
    """Return the seconds to wait before an attempt: doubling, with jitter, at least what a Retry-After asks for."""
    seconds = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt - 1)) * random.uniform(0.75, 1.25)
    wanted = str(error.meta.headers.get("retry-after")) if isinstance(error, ApiError) else ""
    return float(max(seconds, min(_LONGEST_PAUSE, int(wanted)) if wanted.isdigit() else 0))

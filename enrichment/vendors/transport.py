"""The one way out: pooled HTTP with time-outs, bounded bodies, seconds-long retries where they are safe.

Never logs a URL, a body or a header: a URL can carry an e-mail address, a header carries the key.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import redis
import tenacity
from django.conf import settings

from enrichment.vendors import limiter, outages, vendor_health

from .answers import UNREADABLE, Answer, decode, lost_answer, refusal
from .calls import Call
from .errors import Misconfigured, RateLimited, Recovery, Retryable, VendorError
from .exchange import BadAddress, BadHeader, Exchange, LostAnswer, NotTransmitted, TooLarge

TRIES: Final = 3
EXAMINED: Final = (400, 401, 403, 404, 405, 409, 422)  # what a call that examines the key may be answered
Exchanged = tuple[int, dict[str, str], bytes | None]  # status, headers, body
RETRY_FOR_SECONDS: Final = 5.0  # no further try later than this after the first; divided by the clock's speed


def segment(identifier: str) -> str:
    """A vendor's id as one path segment. ValueError for an empty one or dots: that is the collection."""
    if not isinstance(identifier, str) or not identifier.strip(". \t\r\n"):
        raise ValueError("a record's id is empty")
    return quote(identifier, safe="")


class Transport:
    """One vendor's connection pool; safe in threads. `headers` go with every call."""

    def __init__(self, vendor: str, base_url: str, headers: Mapping[str, str]) -> None:
        self.vendor = vendor
        try:
            self._exchange = Exchange(base_url, headers)
        except BadHeader:
            raise self._misconfigured("connect", "bad_key", Recovery.REFRESH_KEY) from None

    def close(self) -> None:
        self._exchange.close()

    def send(
        self,
        call: Call,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        scope: str = "",
        rows: int | None = None,
        content: bytes | None = None,
        kind: str = "application/json",
    ) -> Answer:
        """One call: the 2xx answer, or a `VendorError`. `content` of the type `kind` goes instead of a JSON `body`.

        Repeated at most twice within seconds, and only where that is safe: when the connection was refused,
        or on a call that reads. A repeat of what was sent takes its own slot of the call's limit in `scope`;
        without one it is left. `rows`: how many rows it carries, as its slot was taken for.
        """
        if body is not None:
            content = json.dumps(body, allow_nan=False).encode()

        def once() -> Answer:
            try:
                return self._once(call, scope, lambda: self._exchange.send(method, path, content, params, kind))
            finally:
                if call.limit is not None:
                    limiter.move_to_arrival(call.limit, scope, rows=rows)

        try:
            return once()
        except VendorError as error:
            if not _may_repeat(call, error):
                raise
            return self._repeat(call, scope, once, error)

    def _repeat(self, call: Call, scope: str, once: Callable[[], Answer], failed: VendorError) -> Answer:
        """The call again, whose first try has `failed`."""
        begun = no_slot = False

        def attempt() -> Answer:
            nonlocal failed, begun, no_slot
            if not begun:  # the first try is over; it counts, and the wait comes after it
                begun = True
                raise failed
            if failed.sent and not self._slot(call, scope):
                no_slot = True
                raise failed
            try:
                return once()
            except VendorError as error:
                failed = error
                raise

        def again(error: BaseException) -> bool:
            return not no_slot and isinstance(error, VendorError) and _may_repeat(call, error)

        return _patience(again)(attempt)

    def unreadable(self, call: Call, answer: Answer) -> VendorError:
        """The error for a 2xx answer that lacks what the contract promises."""
        if answer.body is UNREADABLE:  # a page of whatever stands before the vendor, and no word of its own
            outages.count_failure(self.vendor, call.name)
        return lost_answer(self.vendor, call, "unreadable", answer.status)

    def document(self, call: Call, answer: Answer) -> dict[str, Any]:
        """The answer's JSON object; raises `unreadable` for anything else."""
        if not isinstance(answer.body, dict):
            raise self.unreadable(call, answer)
        return answer.body

    def _slot(self, call: Call, scope: str) -> bool:
        return call.limit is None or limiter.take(call.limit, scope) == 0.0

    def lines(self, call: Call, path: str, longest: int) -> Iterator[bytes]:
        """The lines of a large answer as they come, each at most `longest` bytes; empty ones are left out.

        Never repeated. Raises `VendorError`, also between two lines.
        """
        began = time.monotonic()
        seen: int | str = "failed"
        try:
            with self._told(call), self._exchange.open("GET", path) as answer:
                seen = answer.status
                if not 200 <= answer.status < 300:
                    raise refusal(self.vendor, call, answer.status, None, answer.headers)  # its page is not read
                yield from _split(answer.pieces, longest)
            outages.clear_failures(self.vendor, call.name)
        except VendorError as error:
            seen = error.status or error.code
            _heed(call, "", error)
            raise
        finally:
            vendor_health.count_call(self.vendor, call.name, seen, time.monotonic() - began)

    def _once(self, call: Call, scope: str, exchange: Callable[[], Exchanged]) -> Answer:
        began = time.monotonic()
        seen: int | str = "failed"
        whole = False
        try:
            with self._told(call):
                status, headers, raw = exchange()
            whole = True
            body = _decoded(call, status, raw)
            # A page of whatever stands before the vendor is no good answer of its own, whatever its status.
            seen = "unreadable" if body is UNREADABLE and 200 <= status < 300 else status
            if not 200 <= status < 300:
                raise refusal(self.vendor, call, status, body, headers)
            if body is not UNREADABLE:
                outages.clear_failures(self.vendor, call.name)
            return Answer(status, body, headers)
        except VendorError as error:
            # The status of an answer that was cut off or never ended tells nothing of how the call ended.
            seen = error.status if whole and error.status else error.code
            _heed(call, scope, error)
            raise
        finally:
            if not (call.examines and seen in EXAMINED):
                vendor_health.count_call(self.vendor, call.name, seen, time.monotonic() - began)

    @contextlib.contextmanager
    def _told(self, call: Call) -> Iterator[None]:
        """What went wrong on the wire, in the vendors' terms."""
        try:
            yield
        except BadAddress:
            raise self._misconfigured(call.name, "bad_address", Recovery.CHECK_ADDRESS) from None
        except NotTransmitted:
            raise Retryable(self.vendor, call.name, code="not_sent", recovery=Recovery.DELAY, sent=False) from None
        except LostAnswer as gone:
            raise lost_answer(self.vendor, call, gone.code, gone.status) from None
        except TooLarge:
            raise lost_answer(self.vendor, call, "unreadable", 200) from None

    def _misconfigured(self, call: str, code: str, recovery: Recovery) -> Misconfigured:
        return Misconfigured(self.vendor, call, code=code, recovery=recovery, sent=False)


def _split(pieces: Iterator[bytes], longest: int) -> Iterator[bytes]:
    """Raises TooLarge for a line of more than `longest` bytes."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            if line.strip():
                yield line
        if len(rest) > longest or any(len(line) > longest for line in whole):
            raise TooLarge
    if rest.strip():
        yield rest


def _decoded(call: Call, status: int, raw: bytes | None) -> Any:
    """None where a good answer's body tells nothing."""
    if call.acknowledges and 200 <= status < 300:
        return None
    return UNREADABLE if raw is None else decode(raw)


def _heed(call: Call, scope: str, error: VendorError) -> None:
    """Whether that was an answer at all is counted; a 429 of its own says for how long nobody may call."""
    (outages.count_failure if outages.is_sign(error) else outages.clear_failures)(error.vendor, call.name)
    of_vendor = isinstance(error, RateLimited) and not error.provider
    if of_vendor and call.limit and error.retry_after:
        with contextlib.suppress(redis.RedisError):  # the error itself is what matters
            limiter.penalise(call.limit, scope, error.retry_after)


def _may_repeat(call: Call, error: VendorError) -> bool:
    if not isinstance(error, Retryable) or isinstance(error, RateLimited):
        return False
    return not call.once and (call.reads or not error.sent)


def _patience(again: Callable[[BaseException], bool]) -> Callable[[Callable[[], Answer]], Answer]:
    speed = float(settings.CLOCK_SPEED)
    return tenacity.Retrying(
        stop=tenacity.stop_after_attempt(TRIES) | tenacity.stop_after_delay(RETRY_FOR_SECONDS / speed),
        wait=tenacity.wait_random_exponential(multiplier=0.3 / speed, max=2.0 / speed),
        retry=tenacity.retry_if_exception(again),
        reraise=True,
    )

"""urllib3's pools, with a limit on how long the head of an answer may take as a whole.

Its own time-out counts from byte to byte; who sends one a second would hold a thread for ever.
"""

import time
from typing import Any, Final

import urllib3
from django.conf import settings

from swarm_admin.core.deadlines import Deadline

SLOWEST_HEAD: Final = 3.0  # times VENDOR_TIMEOUT_SECONDS


class _InTime:
    """Mixed into a connection: past the limit it is cut, which urllib3 hears of as a time-out."""

    sock: Any

    def getresponse(self, *args: Any, **kwargs: Any) -> Any:
        ends = time.monotonic() + SLOWEST_HEAD * settings.VENDOR_TIMEOUT_SECONDS
        deadline = Deadline(self.sock, ends)
        try:
            answer = super().getresponse(*args, **kwargs)  # type: ignore[misc]
        except Exception:
            if deadline.is_over:
                raise TimeoutError from None
            raise
        finally:
            deadline.cancel()
        if deadline.is_over:  # headers that were cut short look like headers that ended
            answer.close()
            raise TimeoutError
        return answer


class _Connection(_InTime, urllib3.connection.HTTPConnection):
    pass


class _TlsConnection(_InTime, urllib3.connection.HTTPSConnection):
    pass


class HTTPConnectionPool(urllib3.HTTPConnectionPool):
    ConnectionCls: Any = _Connection


class HTTPSConnectionPool(urllib3.HTTPSConnectionPool):
    ConnectionCls: Any = _TlsConnection


BY_SCHEME: Final = {"http": HTTPConnectionPool, "https": HTTPSConnectionPool}

"""HTTP POST on kept connections: what a vendor's delivery needs of a client, at a tenth of a full one's cost."""

import asyncio
from urllib.parse import urlsplit

PATIENCE_SECONDS = 10.0
LONGEST_LINE = 65_536

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Unreachable(Exception):
    """Nobody answered, or not in HTTP."""


class Poster:
    """Posts bodies and says the status; connections are kept for the next one."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int, bool], list[Connection]] = {}

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """The status of the answer, its body read and dropped. Raises Unreachable."""
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        place = (parts.hostname or "", parts.port or (443 if secure else 80), secure)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"POST {path} HTTP/1.1", f"host: {parts.netloc}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        request = "\r\n".join([*lines, "", ""]).encode("latin-1") + body
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._exchange(place, request)
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            raise Unreachable from None

    async def _exchange(self, place: tuple[str, int, bool], request: bytes) -> int:
        kept = self.kept.setdefault(place, [])
        while kept:
            connection = kept.pop()
            try:
                return await self._once(place, connection, request)
            except (OSError, asyncio.IncompleteReadError):
                continue  # closed while nobody looked
        host, port, secure = place
        opened = await asyncio.open_connection(host, port, ssl=secure or None, limit=LONGEST_LINE)
        return await self._once(place, opened, request)

    async def _once(self, place: tuple[str, int, bool], connection: Connection, request: bytes) -> int:
        reader, writer = connection
        stays = False
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            status = int(head[0].split(" ", 2)[1])
            named = dict(line.lower().split(":", 1) for line in head[1:] if ":" in line)
            stays = await self._drop_body(reader, status, named)
            stays = stays and head[0].startswith("HTTP/1.1") and "close" not in named.get("connection", "")
        finally:
            if stays:
                self.kept[place].append(connection)
            else:
                writer.close()
        return status

    async def _drop_body(self, reader: asyncio.StreamReader, status: int, named: dict[str, str]) -> bool:
        """Reads the body; False where its end is the connection's."""
        if status == 204:
            return True
        if "chunked" in named.get("transfer-encoding", ""):
            while size := int((await reader.readline()).split(b";")[0], 16):
                await reader.readexactly(size + 2)
            await reader.readline()
            return True
        length = named.get("content-length")
        if length is None:
            return False
        await reader.readexactly(int(length))
        return True

    def close(self) -> None:
        """Ends every kept connection."""
        for connections in self.kept.values():
            for _, writer in connections:
                writer.close()
        self.kept.clear()

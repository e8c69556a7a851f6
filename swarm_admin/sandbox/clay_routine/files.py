"""Files of batch runs behind signed addresses that open for a while: JSONL in, JSONL out."""

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

from swarm_admin.sandbox.clay_routine.routines import Item, Routine
from swarm_admin.sandbox.config import Config

MAX_LINES = 50_000  # Clay: rows of a batch run of a function
MAX_DETAILS = 100  # Clay: invalid lines that are named


@dataclass
class File:
    """One file and the addresses that open it now."""

    id: str
    opens: dict[str, float]  # signature → the moment (monotonic) at which it closes
    content: bytes | None = None


class Files:
    """The files by id."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.kept: dict[str, File] = {}
        self.signed = 0

    def make(self, content: bytes | None = None) -> File:
        """A new file, empty until something is uploaded."""
        digest = hashlib.sha256(f"file {self.config.seed} {len(self.kept)}".encode()).hexdigest()
        file = File(f"file_{digest[:16]}", {}, content)
        self.kept[file.id] = file
        return file

    def address(self, file: File, base: str) -> str:
        """A signed address of the file, good for the time of the settings."""
        self.signed += 1
        signature = hashlib.sha256(f"{file.id} {self.signed}".encode()).hexdigest()[:24]
        file.opens[signature] = time.monotonic() + self.config.signed_url_seconds / self.config.speed
        return f"{base}/files/{file.id}?signature={signature}"

    def opened(self, file_id: str, signature: str) -> File | None:
        """The file, where the address is one of ours and still opens."""
        file = self.kept.get(file_id)
        is_open = file is not None and file.opens.get(signature, 0.0) > time.monotonic()
        return file if is_open else None


def is_item(document: Any) -> bool:
    """An item as the API takes it: an id of 1 to 64 characters, inputs, and nothing else."""
    return (
        isinstance(document, dict)
        and set(document) == {"id", "inputs"}
        and isinstance(document["id"], str)
        and 1 <= len(document["id"]) <= 64
        and isinstance(document["inputs"], dict)
    )


def _line(routine: Routine, text: bytes) -> tuple[Item | None, list[tuple[str, str]]]:
    """The item of a line, or (field, what is wrong with it)."""
    try:
        document = json.loads(text)
    except ValueError:
        return None, [("", "Invalid JSON")]
    if not is_item(document):
        return None, [("id", "An item has an id and inputs")]
    complaints = routine.complaints(document["inputs"]) if routine.wrong_inputs == "refused" else []
    return Item(document["id"], document["inputs"]), complaints


def read(routine: Routine, content: bytes) -> tuple[list[Item], dict[str, Any] | None]:
    """The items of a file, and the error document of one that is not valid."""
    lines = [line for line in content.splitlines() if line.strip()]
    if not lines or len(lines) > MAX_LINES:
        message = f"A file has 1 to {MAX_LINES} lines"
        return [], {"message": message, "total_invalid_rows": 0, "details": []}
    items, details, invalid = [], [], 0
    for number, text in enumerate(lines, 1):
        item, complaints = _line(routine, text)
        invalid += bool(complaints)
        details += [{"line_number": number, "field": name, "message": message} for name, message in complaints]
        if item is not None:
            items.append(item)
    if not invalid:
        return items, None
    return [], {"message": "Validation failed", "total_invalid_rows": invalid, "details": details[:MAX_DETAILS]}


def written(items: list[Item]) -> bytes:
    """The results as JSONL."""
    return b"".join(json.dumps(item.shown(), separators=(",", ":")).encode() + b"\n" for item in items)

"""After a database came back from a backup: everyone on the suppression list is erased again."""

from dataclasses import dataclass

from gdpr import audit, gate, sources, stores
from gdpr.sources import Kept
from gdpr.stores import Later, Record, Unsupported

AT_ONCE = 1_000


@dataclass
class Replayed:
    """`looked_at` and `found` count people, `erased` records; `left` are records that could not be erased, with why."""

    looked_at: int
    found: int
    erased: int
    left: list[str]


def run(*, for_real: bool) -> Replayed:
    """Erase everyone the list names, in all stores, and read back. Safe to run any number of times."""
    result = Replayed(0, 0, 0, [])
    for source in sources.registered():
        for people in source.everyone(AT_ONCE):
            result.looked_at += len(people)
            blocked = gate.look_up([identity for _, identity in people])
            for position in sorted(blocked):
                result.found += 1
                if for_real:
                    _erase(people[position][0], result)
    if for_real:
        counts = {"found": result.found, "erased": result.erased, "left": len(result.left)}
        audit.record("replay_erasures", counts=counts)
    return result


def _erase(kept: Kept, result: Replayed) -> None:
    """Ours goes last, and only when the others are gone: it leads to them."""
    records = sorted((*kept.elsewhere, kept.record), key=lambda record: stores.named(record.store).order)
    for record in records:
        why = _erase_one(record)
        if why:
            result.left.append(f"{record.store} {record.key}: {why}")
            return
        result.erased += 1


def _erase_one(record: Record) -> str:
    """Empty when it is gone, else why not."""
    store = stores.named(record.store)
    try:
        store.erase(record)
        return "" if store.verify_absent(record) else "it is still there when read back; run again"
    except Later as later:
        return str(later)
    except Unsupported:
        return "it has to be removed by hand"

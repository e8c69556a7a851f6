"""`python -m tests.bounds.feed [part of a parser's name]`: every parser reads every text, all under one limit.

The limit is the kernel's: a reader that works on beyond it is killed with this process; what was said last names it.
Status 1: a reader raised what it does not say it raises.
"""

import os
import resource
import sys

SECONDS = 200  # of the processor, for all of them: several times what they take together


def limit(seconds: int) -> None:
    """From now on, this process may work for so long, and is killed then."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(part: str = "") -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "swarm_admin.settings")
    import django

    django.setup()
    from gdpr.identity import set_phone_country
    from tests.bounds.parsers import PARSERS
    from tests.bounds.texts import texts

    set_phone_country(lambda: "US")  # there is no database to ask
    limit(SECONDS)
    faults = 0
    for size in sorted({parser.size for parser in PARSERS.values()}):
        chosen = {name: each for name, each in PARSERS.items() if each.size == size and part in name}
        for about, text in texts(size):
            for name, parser in chosen.items():
                say(f"{name} < {about}")
                try:
                    parser.read(text)
                except parser.refuses:
                    pass
                except Exception as error:
                    faults += 1
                    say(f"RAISED {name} < {about}: {type(error).__name__}")
    say("fed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

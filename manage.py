#!/usr/bin/env python
"""Every command, with the bundled PostgreSQL and Redis running for as long as it takes."""

import contextlib
import os
import signal
import sys

WITHOUT_SERVERS = {"help", "version", "--help", "--version", "-h", "collectstatic", "vendor_assets"}


def main() -> None:
    """Run one management command; stop the bundled servers afterwards if nobody else uses them."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "swarm_admin.settings")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from swarm_admin import embedded

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are let go of
    try:
        needed = settings.EMBEDDED and not WITHOUT_SERVERS & {
            *sys.argv[1:2],
            *({"help"} if not sys.argv[1:] else ()),
        }
        with embedded.attached(settings.DATA_DIR) if needed else contextlib.nullcontext():
            execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, embedded.ServerFailed) as error:
        sys.exit(f"{error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

"""Clay's two meters of a workspace, actions and data credits: what a month has, what was charged."""

from collections import Counter
from typing import Any

from swarm_admin.sandbox.config import Config

METERS = ("actions", "data_credits")


class Credits:
    """The meters by workspace. A control call begins a new month."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.used: dict[str, Counter[str]] = {}

    def left(self, workspace: str, meter: str) -> int:
        """What the month still has; below 0 where a run cost more than there was."""
        limit: int = getattr(self.config, f"clay_{meter}")
        return limit - self.used.get(workspace, Counter())[meter]

    def exhausted(self, workspace: str) -> str:
        """The name of a meter that has nothing left; empty when both have."""
        return next((meter for meter in METERS if self.left(workspace, meter) <= 0), "")

    def charge(self, workspace: str, *, actions: int = 0, data_credits: int = 0) -> None:
        """Counts them, also beyond the limit: what ran is paid."""
        used = self.used.setdefault(workspace, Counter())
        used.update(actions=actions, data_credits=data_credits)

    def renew(self, workspace: str) -> None:
        """A new month."""
        self.used.pop(workspace, None)

    def figures(self) -> dict[str, Any]:
        """{workspace: {meter: {"used", "left"}}}; the configured workspace is always among them."""
        names = {self.config.clay_workspace_id, *self.used}
        return {
            name: {
                meter: {"used": self.used.get(name, Counter())[meter], "left": self.left(name, meter)}
                for meter in METERS
            }
            for name in sorted(names)
        }

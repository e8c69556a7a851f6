"""Who may look at connections, and who may set them up."""

VIEW = "enrichment.view_lead"
MANAGE = "enrichment.manage_connections"
NO_RIGHT = "You don't have permission to manage connections. Ask an admin."


def check_can_manage(user: object) -> str:
    """Why this person may not set up, test or resume; "" if they may."""
    return "" if user.has_perm(MANAGE) else NO_RIGHT  # type: ignore[attr-defined]

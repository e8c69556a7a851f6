"""Subject requests: intake, identity, plan, approval, steps, answer."""

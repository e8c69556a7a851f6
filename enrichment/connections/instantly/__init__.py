"""The guided connection of Instantly: key, scopes, campaign."""

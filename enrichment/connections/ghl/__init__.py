"""The guided connection of GoHighLevel: token, location, scopes, custom fields."""

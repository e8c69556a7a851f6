"""The screen of the vendors: set-up, health, test calls and limits."""

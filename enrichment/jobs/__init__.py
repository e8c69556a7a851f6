"""Long work with a frozen plan: its runner, its kinds, its screens."""

"""The screens of the ICP scorecard."""

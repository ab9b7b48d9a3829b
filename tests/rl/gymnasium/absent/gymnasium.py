"""As where Gymnasium is not installed."""

raise ModuleNotFoundError("No module named 'gymnasium'", name="gymnasium")

"""The headless twin: one module per subcommand."""

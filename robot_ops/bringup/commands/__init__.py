"""One module per subcommand of robot-ops, each with add_arguments() and run()."""

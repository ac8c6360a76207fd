"""From files of networks and measures to tables."""

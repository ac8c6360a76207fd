"""Training of the thesis' networks: seeded, resumable, with data and transformations on the device."""

"""What a check does with files and threads; the findings themselves are made in manifest.check."""

"""What a manifest can hold, and what each must get; docs/bad-inputs.md is drawn from here."""

"""What a gallery wants to be asked, and what its answers mean. Pure: nothing here does I/O."""

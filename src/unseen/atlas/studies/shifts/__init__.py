"""Claims about which shifts are hard."""

"""What YAML says: bytes become text, text becomes nodes with their places, and nodes become documents."""

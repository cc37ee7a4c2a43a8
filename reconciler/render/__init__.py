"""Values become text, JSON and Markdown; nothing here reads, asks or prints."""

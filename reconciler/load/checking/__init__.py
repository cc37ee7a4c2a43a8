"""What a document is, its one spelling, and what is wrong with it: schemas, rules, paths, references, secrets."""

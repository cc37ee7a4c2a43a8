"""What is wrong with a document: schemas, rules, paths and references, each in its one spelling."""

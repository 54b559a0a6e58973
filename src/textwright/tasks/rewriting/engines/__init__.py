"""What runs a model that makes one text of another: tokens in, tokens out."""

"""Language models that start from nothing: Hugging Face classes, and one made like them."""

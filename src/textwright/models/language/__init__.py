"""Language models of Hugging Face classes that start from nothing."""

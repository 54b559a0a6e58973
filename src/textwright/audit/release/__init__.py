"""Whether data or a model may be released: a policy, its verdict, and what a person took on with a reason."""

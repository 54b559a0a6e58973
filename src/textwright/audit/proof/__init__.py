"""How checks prove that they work: data made without faults, faults planted in them, and the self-test."""

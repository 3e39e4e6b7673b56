"""The audit log: whatever is done to it afterwards is found."""

"""What runs beside the API: the process that examines what analysts hand in; threads that tell hooks and keep house."""

"""The staged connection test and its report."""

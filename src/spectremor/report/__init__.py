"""Reports for a person to read: tables, figures and self-contained pages."""

"""Sample files, declarations and SQL come in; drafts, broken rules and answers go out."""

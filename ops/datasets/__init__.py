"""Sample files and declarations come in; drafts and the rules that files break go out."""

//! Initials as people see them: letters, colours, sizes.

//! Terroir.

//! Live documents: from a client's bytes to everybody else's screen. One edit passes
//! `socket` → `guard` → `room` → store → readers; `docs/ARCHITECTURE.md` walks through it.

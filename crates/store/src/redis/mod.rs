//! Redis: only what may live there: sessions and counters.

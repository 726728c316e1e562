//! What usage costs (U2, U3).

//! Books that hold, and books that somebody has been at.

mod book;
mod forgery;
mod golden;
mod tampering;
mod views;

//! Pictures of users: an upload is decoded within limits, turned, brought to sRGB, cut square, and encoded anew with
//! nothing in it but pixels; and who has none gets initials. Owns formats, colours and the threads that all this runs on.
//! Knows neither where pictures lie nor whose they are.

mod colour;
mod drawn;
mod encode;
mod glance;
mod initials;
mod jpeg;
mod lane;
#[cfg(test)]
mod mutations;
mod paint;
mod png;
mod refusal;
mod size;
mod source;
mod square;
mod studio;
mod turn;

pub use initials::initials;
pub use paint::paint;
pub use studio::{Studio, StudioSettings};

//! Keyward's rules, without HTTP, SQL, a clock or a runtime.
//!
//! [`values`] are words that are right once they exist, [`records`] are what is kept and the intentions that stores
//! must make atomic, [`flows`] are what people do. [`Keyward`] holds what a flow needs; a flow is one of its methods.

pub mod flows;
mod keyward;
pub mod outside;
mod passwords;
pub mod policy;
pub mod records;
pub mod tokens;
pub mod values;

pub use keyward::Keyward;

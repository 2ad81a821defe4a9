//! The registry client against a registry on loopback that can be made to misbehave.

mod credentials;
mod details;
mod faults;
mod hostile;
mod mirrors;
mod resolve;

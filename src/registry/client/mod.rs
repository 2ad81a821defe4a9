//! The client of the world's registries: where a question goes, what is sent, and what the answer is worth.

mod evidence;
mod http_client;
mod http_registry;
mod index_store;
mod lookup;
mod registry;
mod request;

pub use http_registry::HttpRegistry;

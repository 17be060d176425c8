//! A model behind HTTP: uploads in, JSON out, within limits that hold whatever clients do. Knows no network and no
//! files: what is served is a `Model`, which commands/ brings, and when to stop is told from outside.

mod answer;
mod fault;
mod listen;
mod metrics;
mod model;
mod openapi;
mod page;
mod queue;
mod rate;
mod routes;
mod settings;
#[cfg(test)]
mod tests;
mod token;
mod upload;
mod workers;

pub use fault::Fault;
pub use listen::{Error, Server};
pub use model::{About, Explained, Model, Ranking};
pub use settings::{Patience, Settings};
pub use token::Token;

//! What happens to an event: who may come in, what there is to do, and who may do it.
//!
//! People, sites, links and sessions are records of the store. [`Events`] holds them typed in memory,
//! answers from there, and changes them by committing first and applying afterwards.

pub mod access;
pub mod board;
pub mod digest;
mod directory;
pub mod file;
pub mod groups;
pub mod history;
mod language;
pub mod model;
pub mod names;
pub mod seed;
pub mod view;

pub use directory::{
    Arrival, DocumentInfo, Events, EventsError, Imported, LinkView, Newcomer, Standing, link_view,
    words,
};

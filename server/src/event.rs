//! What happens to an event: who may come in, what there is to do, and who may do it.
//!
//! People, sites, links and sessions are records of the store. [`Events`] holds them typed in memory,
//! answers from there, and changes them by committing first and applying afterwards.

pub mod access;
pub mod audit;
pub mod board;
mod codes;
pub mod digest;
mod directory;
pub mod erasure;
pub mod file;
pub mod hide;
pub mod history;
mod language;
pub mod model;
pub mod names;
mod pace;
pub mod seed;
pub mod view;

pub use directory::{
    DocumentInfo, DoorView, Events, EventsError, LinkView, Newcomer, ScreenCode, Wanted, link_url,
    link_view, words,
};

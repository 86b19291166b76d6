//! The parts of `make bench`: a load generator, the servers that it compares, and the report.

pub mod crowd;
pub mod edits;
pub mod histogram;
pub mod load;
pub mod plain_yrs;
pub mod relay;
pub mod report;
pub mod scan;
pub mod server;
pub mod wire;
pub mod workloads;

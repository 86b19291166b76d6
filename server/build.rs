//! The built web is embedded; without one, an empty folder stands in, so that `cargo check` works on
//! a fresh clone. `make build` builds the web first.

fn main() {
    println!("cargo::rerun-if-changed=../web/dist");
    if let Err(error) = std::fs::create_dir_all("../web/dist") {
        println!("cargo::error=cannot make web/dist: {error}");
    }
}

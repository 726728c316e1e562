//! A throw-away PostgreSQL server for measurements: prints the URL of a new, empty database for
//! each line that it reads, and ends with its input.

use std::io::{self, BufRead as _, Write as _};

use quipu_testkit::postgres::Server;

fn main() -> io::Result<()> {
    let server = Server::own();
    for line in io::stdin().lock().lines() {
        line?;
        let mut out = io::stdout().lock();
        writeln!(out, "{}", server.database())?;
        out.flush()?;
    }
    Ok(())
}

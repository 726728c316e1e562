//! `quipu`, the command.

fn main() -> std::process::ExitCode {
    quipu::run()
}

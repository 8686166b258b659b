//! The `infomax` program: parses, calls [`infomax::cli`].

fn main() -> std::process::ExitCode {
    infomax::cli::main()
}

//! The binary `assay`; everything is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    assay_cli::main()
}

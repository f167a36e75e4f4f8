//! Compiles the `.proto` files without `protoc`.

use std::error::Error;

#[cfg(feature = "grpc")]
fn compile() -> Result<(), Box<dyn Error>> {
    let files = ["common", "workers", "jobs", "cluster", "schedules", "data"].map(|name| format!("assay/v1/{name}.proto"));
    let descriptors = protox::compile(files, ["proto"])?;
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), prost::Message::encode_to_vec(&descriptors))?;
    let mut methods = Vec::new();
    for file in &descriptors.file {
        for service in &file.service {
            let of_service = service.method.iter();
            methods.extend(of_service.map(|method| format!("{}.{}/{}", file.package(), service.name(), method.name())));
        }
    }
    std::fs::write(out.join("methods.rs"), format!("&{methods:?}"))?;
    Ok(tonic_prost_build::configure().compile_fds(descriptors)?)
}

#[cfg(not(feature = "grpc"))]
fn compile() -> Result<(), Box<dyn Error>> {
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    compile()
}

//! Compiles the published `.proto` files without protoc.
//!
//! For our own codec every field of type `Row` is read as `bytes`, which is the same on the wire: a row stays in its wire
//! form (`millrace_model::row`) and is never built into objects. The published files are untouched.

use std::error::Error;

const FILES: [&str; 4] =
    ["millrace/v1/row.proto", "millrace/v1/batch.proto", "millrace/v1/schema.proto", "millrace/v1/state.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=millrace");
    let mut files = protox::compile(FILES, ["."])?;
    for message in files.file.iter_mut().flat_map(|file| &mut file.message_type) {
        for field in &mut message.field {
            if field.type_name() == ".millrace.v1.Row" {
                field.set_type(prost_types::field_descriptor_proto::Type::Bytes);
                field.type_name = None;
            }
        }
    }
    prost_build::Config::new().bytes(["."]).compile_fds(files)?;
    Ok(())
}

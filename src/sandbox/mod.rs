//! The API server for demos and tests.

#[expect(dead_code, unused_imports, reason = "the server that calls it lands next")]
mod odata;

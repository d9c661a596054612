//! Generates the Python and Kotlin sides of the library.

fn main() {
    uniffi::uniffi_bindgen_main();
}

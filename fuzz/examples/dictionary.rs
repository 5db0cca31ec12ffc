//! Prints the dictionary of the target `serial`.

fn main() {
    print!("{}", quasimodem_fuzz::dictionary());
}

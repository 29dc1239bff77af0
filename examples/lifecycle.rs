fn main() {
    println!("{}", cfg!(feature = "mock"));
}

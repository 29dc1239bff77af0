//! A program that does nothing, to which the others are compared.

fn main() {}

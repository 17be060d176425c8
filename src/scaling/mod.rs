//! Compound scaling as arithmetic: variants, coefficients, parameters, multiply-adds, memory. Knows no tensors.

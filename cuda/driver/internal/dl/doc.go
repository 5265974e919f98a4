// Package dl lets one binary that calls CUDA start on every machine, with a driver or without.
//
// The binary is linked against no CUDA library. Every function of the driver, of cuBLAS and of NCCL
// that it calls (include/*_functions.h) is defined here, as a trampoline that finds the
// library's function when it is called first and jumps there. A function that the library lacks, because it is
// too old, makes its trampoline return NoSymbol, and Missing gives its name.
//
// gorgonia.org/cu initialises the driver in a package initialiser and ends the process if that fails. Here
// cuInit does nothing and succeeds; Init is the real one, to be called when a GPU is wanted.
//
// The package is empty unless it is built with -tags gpu. Nothing in it may know what the functions mean.
package dl

// Package fake is a CUDA driver, a cuBLAS and an NCCL for tests, built from C by the test that wants them: device memory
// is host memory, streams do their work at once, graphs keep what they are given, products are plain loops,
// kernels are a few known ones, and ranks add up numbers through memory that their processes share. Every call is written down with its arguments, any call can be made to fail,
// and a call without its context current fails as the driver's would.
//
// It proves what package driver asks of the libraries: names, arguments and their order, layouts, what it
// makes of errors. It does not prove that NVIDIA's libraries agree with their documentation, from which it was
// written.
//
// The package is empty unless it is built with -tags gpu.
package fake

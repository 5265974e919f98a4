//go:build !amd64 && !arm64

package kernel

func machinePaths() []string { return nil }

// Float32 is the kernels of a path for float32.
func Float32(path string) *Set[float32] { return &portable32 }

// BFloat16 is the kernels of a path for float32 whose products round their operands to bfloat16.
func BFloat16(path string) *Set[float32] { return &rounded32 }

// Int8 computes products of rows by weights as int8 on a path.
func Int8(path string) Int8Row { return int8Row }

// Pause tells the processor that the caller spins.
func Pause() {}

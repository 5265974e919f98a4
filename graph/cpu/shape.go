package cpu

// collapse merges neighbouring axes that every view walks through as if they were one, and drops axes of length
// 1. shape is not changed. strides[v][axis] are those of view v. The result has at least one axis.
func collapse(shape []int, strides [][]int) (dims []int, merged [][]int) {
	merged = make([][]int, len(strides))
	for axis, n := range shape {
		if n == 1 {
			continue
		}
		last := len(dims) - 1
		joins := last >= 0
		for v := range strides {
			joins = joins && merged[v][last] == strides[v][axis]*n
		}
		if joins {
			dims[last] *= n
			for v := range strides {
				merged[v][last] = strides[v][axis]
			}
			continue
		}
		dims = append(dims, n)
		for v := range strides {
			merged[v] = append(merged[v], strides[v][axis])
		}
	}
	if len(dims) == 0 {
		dims = []int{1}
		for v := range merged {
			merged[v] = []int{1} // a single element is contiguous
		}
	}
	return dims, merged
}

// volume is the number of elements of a shape.
func volume(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// at is the offset of element i, in row-major order over dims, of a view with the given strides.
func at(dims, strides []int, i int) int {
	sum := 0
	for axis := len(dims) - 1; axis >= 0 && i > 0; axis-- {
		sum += i % dims[axis] * strides[axis]
		i /= dims[axis]
	}
	return sum
}

package kernel

// The sums of NEON are those of AVX2 to the bit: eight partial sums, which join four and four, two and two, one and one.

// tailOf is the elements of x after the last eight that are whole, and then others that do not count.
func tailOf(n int, x *float32, neutral float32) (tail [8]float32) {
	whole := n &^ 7
	if whole < n {
		copy(tail[:], vec(at(x, whole), n-whole))
	}
	for i := n - whole; i < 8; i++ {
		tail[i] = neutral
	}
	return tail
}

// across joins eight partial results.
func across(x *[8]float32, join func(a, b float32) float32) float32 {
	for half := 4; half > 0; half /= 2 {
		for i := range half {
			x[i] = join(x[i+half], x[i])
		}
	}
	return x[0]
}

func plus(a, b float32) float32 { return a + b }

// larger is the larger, a of two zeros, and NaN if either is.
func larger(a, b float32) float32 {
	if a == b {
		return a
	}
	return max(a, b)
}

func sumNEON(n int, x *float32) float32 {
	var lanes [8]float32
	tail := tailOf(n, x, 0)
	sumsNEON(n/8, x, &tail[0], &lanes[0])
	return across(&lanes, plus)
}

func dotNEON(n int, x, y *float32) float32 {
	var lanes [8]float32
	xTail, yTail := tailOf(n, x, 0), tailOf(n, y, 0)
	dotsNEON(n/8, x, y, &xTail[0], &yTail[0], &lanes[0])
	return across(&lanes, plus)
}

func max1NEON(n int, x *float32) float32 {
	var lanes [8]float32
	tail := tailOf(n, x, inf[float32](-1))
	maximaNEON(n/8, x, &tail[0], &lanes[0])
	return across(&lanes, larger)
}

// expSumNEON computes the last exponentials first: the others may take the place of x.
func expSumNEON(n int, dst, x *float32, shift float32) float32 {
	var tail, lanes [8]float32
	whole := n &^ 7
	left := n - whole
	if left > 0 {
		tail = tailOf(n, x, 0)
		for i := range left {
			tail[i] -= shift
		}
		expNEON(left, &tail[0], &tail[0], nil, nil)
		copy(vec(at(dst, whole), left), tail[:])
	}
	expSumsNEON(n/8, dst, x, shift, &tail[0], &lanes[0])
	return across(&lanes, plus)
}

func drawNEON(n int, dst *float32, block, stream uint32, key *[4]int32) {
	words := [6]uint32{block, stream, uint32(key[2]), uint32(key[3]), uint32(key[0]), uint32(key[1])}
	blocks := [4]uint32{0, 1, 2, 3}
	whole := n / 16
	uniformNEON(whole, dst, &words, &blocks)
	if left := n % 16; left > 0 {
		var rest [16]float32
		words[0] += uint32(4 * whole)
		uniformNEON(1, &rest[0], &words, &blocks)
		copy(vec(at(dst, 16*whole), left), rest[:])
	}
}

package workloads

// stacked counts the products of a training step of recurrent layers, with the given number of gates, below a
// linear one: what has to be computed, whoever does more. Tokens are looked up, not multiplied.
func stacked(gates int, tokens bool) func(Size) float64 {
	return func(s Size) float64 {
		rows, h := float64(s.Batch*s.Steps), float64(s.Hidden)
		// h·U of all layers, x·W of all but the first: value and two gradients
		flop := 2 * rows * float64(gates) * h * 3 * h * float64(2*s.Layers-1)
		if tokens {
			return flop + 3*2*rows*h*float64(s.In)
		}
		return flop + 2*2*rows*float64(gates)*h*float64(s.In) + 3*2*float64(s.Batch)*h*float64(s.Target)
	}
}

// attended counts the products of a training step of seq2seq, with all that does not depend on the decoder's
// state done once.
func attended(gates int) func(Size) float64 {
	return func(s Size) float64 {
		b, l, e, h := float64(s.Batch), float64(s.Steps), float64(s.In), float64(s.Hidden)
		g, t, v := float64(gates)*h, float64(s.Steps-1), float64(s.Target)
		encoder := 2*b*l*(e+h)*g*2 + 2*b*2*h*h
		attention := 2*b*l*2*h*h + 2*b*t*h*h + 2*b*t*l*h + 2*b*t*l*2*h
		decoder := 2 * b * t * (2*h + e + h) * g
		output := 2 * b * t * (3*h + e) * v
		return 3 * (encoder + attention + decoder + output)
	}
}

// layered counts the products of recurrent layers, with the given number of gates, and of all their gradients.
func layered(gates int) func(Size) float64 {
	return func(s Size) float64 {
		rows, h := float64(s.Batch*s.Steps), float64(s.Hidden)
		return 3 * 2 * rows * float64(gates) * h * (float64(s.In) + h*float64(2*s.Layers-1))
	}
}

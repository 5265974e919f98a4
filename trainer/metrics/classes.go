package metrics

// Confusion counts how examples of each class were classified.
type Confusion struct {
	Classes int
	counts  []int // Classes×Classes: the row is the class, the column what it was taken for
}

// NewConfusion is of so many classes, and empty.
func NewConfusion(classes int) *Confusion {
	return &Confusion{classes, make([]int, classes*classes)}
}

// Add counts an example.
func (c *Confusion) Add(class, predicted int) { c.counts[class*c.Classes+predicted]++ }

// Count is how many examples of a class were taken for another.
func (c *Confusion) Count(class, predicted int) int { return c.counts[class*c.Classes+predicted] }

// ClassScore is how well examples of one class are told from the others.
type ClassScore struct {
	Precision float64 // part of those that were taken for the class that are of it; 0 if none were
	Recall    float64 // part of those of the class that were taken for it; 0 if there are none
	F1        float64 // 2PR / (P + R); 0 if both are
	Examples  int     // of the class
	Predicted int     // taken for the class
}

// Class scores a class. What would be 0/0 is 0, as in scikit-learn.
func (c *Confusion) Class(class int) ClassScore {
	var s ClassScore
	for other := range c.Classes {
		s.Examples += c.Count(class, other)
		s.Predicted += c.Count(other, class)
	}
	right := c.Count(class, class)
	s.Precision, s.Recall = ratio(right, s.Predicted), ratio(right, s.Examples)
	s.F1 = ratio(2*right, s.Examples+s.Predicted)
	return s
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// Examples is how many were counted.
func (c *Confusion) Examples() int {
	n := 0
	for _, k := range c.counts {
		n += k
	}
	return n
}

// MacroF1 is the mean of F1 over the classes that examples have or were taken for, each of the same weight however
// rare it is, as scikit-learn's f1_score with average="macro" has it; 0 without examples.
func (c *Confusion) MacroF1() float64 {
	sum, classes := 0.0, 0.0
	for class := range c.Classes {
		if s := c.Class(class); s.Examples+s.Predicted > 0 {
			sum += s.F1
			classes++
		}
	}
	if classes == 0 {
		return 0
	}
	return sum / classes
}

// BalancedWeights are weights of classes with which each counts the same in a loss, whatever its number of examples:
//
//	weight = n / (K · examples of the class)
//
// for n examples of the K classes that have any; 0 for others. Their mean over the examples is 1, so that a learning
// rate means what it means without them. It is scikit-learn's class_weight="balanced".
func BalancedWeights(examples []int) []float64 {
	n, present := 0, 0
	for _, k := range examples {
		n += k
		if k > 0 {
			present++
		}
	}
	weights := make([]float64, len(examples))
	for class, k := range examples {
		if k > 0 {
			weights[class] = float64(n) / float64(present*k)
		}
	}
	return weights
}

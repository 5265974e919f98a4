package foreign

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph"
)

// What Keras calls its weights. Rules give them the names embedding/embeddings, output/kernel, output/bias and, of
// layer n, rnn_l{n}/kernel, rnn_l{n}/recurrent_kernel, rnn_l{n}/bias, with rnn_l{n}_reverse for the way back.
var (
	kerasLayer = regexp.MustCompile(`(?:^|/)(?:lstm|gru|simple_rnn)(?:_(\d+))?/(?:[a-z_]*cell[_0-9]*/)?` +
		`(kernel|recurrent_kernel|bias)(?::0)?$`)
	kerasBoth = regexp.MustCompile(`(?:^|/)bidirectional(?:_(\d+))?/(forward|backward)_[a-z_]+[0-9]*/` +
		`(?:[a-z_]*cell[_0-9]*/)?(kernel|recurrent_kernel|bias)(?::0)?$`)
	kerasEmbedding = regexp.MustCompile(`(?:^|/)embedding(?:_\d+)?/embeddings(?::0)?$`)
	kerasDense     = regexp.MustCompile(`(?:^|/)(?:dense(?:_\d+)?|output)/(kernel|bias)(?::0)?$`)

	ofLayer = regexp.MustCompile(`^rnn_(l\d+(?:_reverse)?)/(kernel|recurrent_kernel|bias)$`)
)

// kerasNames are the names that Keras gives. It counts layers through a whole session, so that the least number that
// the file has is layer 0.
func kerasNames(tensors []graph.Tensor, _ Model) []rule {
	var numbers []int
	for _, t := range tensors {
		for _, form := range []*regexp.Regexp{kerasBoth, kerasLayer} {
			if m := form.FindStringSubmatch(t.Name); m != nil {
				numbers = append(numbers, number(m[1]))
				break
			}
		}
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	layer := func(n string) int { return slices.Index(numbers, number(n)) }
	return []rule{
		{kerasBoth, func(m []string) string {
			way := map[string]string{"forward": "", "backward": "_reverse"}[m[2]]
			return fmt.Sprintf("rnn_l%d%s/%s", layer(m[1]), way, m[3])
		}},
		{kerasLayer, func(m []string) string { return fmt.Sprintf("rnn_l%d/%s", layer(m[1]), m[2]) }},
		{kerasEmbedding, func([]string) string { return "embedding/embeddings" }},
		{kerasDense, func(m []string) string { return "output/" + m[1] }},
	}
}

// number is that of a name, 0 without one.
func number(digits string) int {
	n, _ := strconv.Atoi(digits) // of digits, or ""
	return n
}

// fromKeras transposes kernels, puts gates in PyTorch's order, and makes two biases:
//
//	lstm        i f c o     the order of PyTorch
//	gru         z r h       r z n; with reset_after a bias of 2×3H, without it another function, which is refused
//
// One bias is b_ih, and b_hh is then zero.
func fromKeras(tensors []named, m Model, file string) ([]named, error) {
	var all []named
	for _, t := range tensors {
		groups := ofLayer.FindStringSubmatch(t.Name)
		if groups == nil {
			all = append(all, plainFromKeras(t))
			continue
		}
		if groups[2] == "bias" {
			biases, err := kerasBiases(t, groups[1], m.Cell, file)
			if err != nil {
				return nil, err
			}
			all = append(all, biases...)
			continue
		}
		t = transposed(t)
		t.Name = map[string]string{"kernel": "rnn.weight_ih_", "recurrent_kernel": "rnn.weight_hh_"}[groups[2]] + groups[1]
		all = append(all, gatesFromKeras(t, m.Cell))
	}
	return all, nil
}

// plainFromKeras is an embedding, or a layer without recurrence.
func plainFromKeras(t named) named {
	switch module, what, _ := strings.Cut(t.Name, "/"); what {
	case "embeddings":
		t.Name = module + ".weight"
	case "kernel":
		t = transposed(t)
		t.Name = module + ".weight"
	case "bias":
		t.Name = module + ".bias"
	}
	return t
}

// kerasBiases are b_ih and b_hh.
func kerasBiases(t named, layer, cell, file string) ([]named, error) {
	if len(t.Shape) == 0 {
		t.Name = "rnn.bias_ih_" + layer
		return []named{t}, nil // it is refused
	}
	data := t.Data.([]float32)
	width := t.Shape[len(t.Shape)-1:]
	in, hidden := t, t
	in.Name, hidden.Name = "rnn.bias_ih_"+layer, "rnn.bias_hh_"+layer
	in.Shape, hidden.Shape = width, width
	switch {
	case len(t.Shape) == 2 && t.Shape[0] == 2:
		in.Data, hidden.Data = data[:len(data)/2], data[len(data)/2:]
	case len(t.Shape) == 1 && cell == "gru":
		return nil, errors.Errorf("%s: %q has one bias of shape %v: the GRU was made with reset_after=False, which "+
			"computes something else than the model's: train it with reset_after=True", file, t.theirs, t.Shape)
	default:
		hidden.Data = make([]float32, len(data))
	}
	return []named{gatesFromKeras(in, cell), gatesFromKeras(hidden, cell)}, nil
}

// gatesFromKeras gives the rows of a weight, G·H in all, the order of PyTorch.
func gatesFromKeras(t named, cell string) named {
	if cell != "gru" || len(t.Shape) == 0 || t.Shape[0]%3 != 0 {
		return t // others have it; of another shape it is refused
	}
	data := t.Data.([]float32)
	n := len(data) / 3
	t.Data = slices.Concat(data[n:2*n], data[:n], data[2*n:])
	return t
}

// transposed is a matrix with its axes changed.
func transposed(t named) named {
	if len(t.Shape) != 2 {
		return t // it is refused
	}
	rows, columns, data := t.Shape[0], t.Shape[1], t.Data.([]float32)
	turned := make([]float32, len(data))
	for i := range rows {
		for k := range columns {
			turned[k*rows+i] = data[i*columns+k]
		}
	}
	t.Shape, t.Data = []int{columns, rows}, turned
	return t
}

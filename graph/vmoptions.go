package graph

import (
	"log"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/tape"
)

// Option is a setting of NewVM.
type Option func(*vmConfig)

type vmConfig struct {
	device      tape.Device
	outputs     G.Nodes
	resultsOnly bool
	eval        bool
	alike       G.Nodes
	watched     G.Nodes
	nan, inf    bool
	logger      *log.Logger
	format      string
}

// WithDevice sets the device; the default is the CPU.
func WithDevice(d tape.Device) Option { return func(c *vmConfig) { c.device = d } }

// WithOutputs adds nodes to the results.
func WithOutputs(nodes ...*G.Node) Option {
	return func(c *vmConfig) { c.outputs = append(c.outputs, nodes...) }
}

// ResultsOnly gives values to the results alone. The compiler may then leave out, join and overwrite everything else,
// which for an unrolled LSTM takes a fifth to an eighth of the memory and half of the time; docs/gorgonia.md has the
// numbers.
func ResultsOnly() Option { return func(c *vmConfig) { c.resultsOnly = true } }

// EvalMode lets ops that are different in training, such as Gorgonia's Dropout, compute as in evaluation. As on
// Gorgonia's machine the mode belongs to the ops of the graph: it is that of the VM that was made last.
func EvalMode() Option { return func(c *vmConfig) { c.eval = true } }

// Alike says of nodes that were asked for several times that it was in the same way each time, as of the two calls of
// SoftMax(x) where a model is built twice. Gorgonia makes one node of such calls and forgets whether they were alike:
// without this option a graph with such nodes is refused.
func Alike(nodes ...*G.Node) Option {
	return func(c *vmConfig) { c.alike = append(c.alike, nodes...) }
}

// WithWatchlist logs the values of nodes after each run, one line a node. The nodes become results.
func WithWatchlist(nodes ...*G.Node) Option {
	return func(c *vmConfig) { c.watched, c.outputs = append(c.watched, nodes...), append(c.outputs, nodes...) }
}

// WithLogger sets where watched values are logged; the default is the standard logger.
func WithLogger(l *log.Logger) Option { return func(c *vmConfig) { c.logger = l } }

// WithValueFmt sets the format of watched values; the default is %3.3f.
func WithValueFmt(format string) Option { return func(c *vmConfig) { c.format = format } }

// WithNaNWatch makes a run in which a value is not a number an error, which names the first node of which one is.
// Nodes, results among them, have their values then.
func WithNaNWatch() Option { return func(c *vmConfig) { c.nan = true } }

// WithInfWatch is WithNaNWatch for infinite values.
func WithInfWatch() Option { return func(c *vmConfig) { c.inf = true } }

package trainer

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
)

// Weights are the names and shapes of the weights of a model that a configuration declares, such as a
// models.LMConfig. They have no values, so that nothing is allocated for them: see checkpoint.Folder.Fits.
func Weights(model interface{ Declare(*models.Params) error }) ([]graph.Tensor, error) {
	if model == nil {
		return nil, errors.New("the weights of no model: give its configuration")
	}
	b := op.New(G.NewGraph())
	p := models.DeclareParams(b, tensor.Float32)
	if err := model.Declare(p); err != nil {
		return nil, err
	}
	return shapes(p.Nodes()), b.Err()
}

// shapes are the names and shapes of nodes.
func shapes(nodes G.Nodes) []graph.Tensor {
	ts := make([]graph.Tensor, len(nodes))
	for i, n := range nodes {
		ts[i] = graph.Tensor{Name: n.Name(), Shape: n.Shape()}
	}
	return ts
}

package trainer

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// Weights are the names and shapes of the weights of a model: a models.LMConfig, models.ClassifierConfig or models.Seq2SeqConfig. They
// have no values, so that nothing is allocated for them: see checkpoint.Folder.Fits.
func Weights(model any) ([]checkpoint.Tensor, error) {
	b := op.New(G.NewGraph())
	p := models.DeclareParams(b, tensor.Float32)
	var err error
	switch c := model.(type) {
	case models.LMConfig:
		_, err = models.NewLM(p, c)
	case models.ClassifierConfig:
		_, err = models.NewClassifier(p, c)
	case models.Seq2SeqConfig:
		_, err = models.NewSeq2Seq(p, c)
	default:
		err = errors.Errorf("the weights of a %T: want a configuration of package models", model)
	}
	if err != nil {
		return nil, err
	}
	return shapes(p.Nodes()), b.Err()
}

// shapes are the names and shapes of nodes.
func shapes(nodes G.Nodes) []checkpoint.Tensor {
	ts := make([]checkpoint.Tensor, len(nodes))
	for i, n := range nodes {
		ts[i] = checkpoint.Tensor{Name: n.Name(), Shape: n.Shape()}
	}
	return ts
}

package onnxtest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/onnx"
)

// typeNames are what other runtimes call the types.
var typeNames = map[onnx.Type]string{onnx.Float: "float32", onnx.Int32: "int32"}

// saved is a tensor in JSON; numbers that JSON has not are strings.
type saved struct {
	Type string `json:"type"`
	Dims []int  `json:"dims"`
	Data []any  `json:"data"`
}

func save(tensors map[string]*Tensor) map[string]saved {
	all := map[string]saved{}
	for name, t := range tensors {
		s := saved{typeNames[t.Type], append([]int{}, t.Dims...), []any{}}
		for _, x := range t.Data {
			if math.IsInf(x, 0) || math.IsNaN(x) {
				s.Data = append(s.Data, fmt.Sprint(x))
			} else {
				s.Data = append(s.Data, x)
			}
		}
		all[name] = s
	}
	return all
}

// Save writes a case for other runtimes into a folder: a file of ONNX, its inputs, and the outputs that are right.
func Save(dir, name string, file []byte, inputs, outputs map[string]*Tensor) error {
	model := fmt.Sprintf("%x.onnx", sha256.Sum256(file))[56:]
	data, err := json.Marshal(map[string]any{"name": name, "model": model, "inputs": save(inputs),
		"outputs": save(outputs)})
	if err != nil {
		return errors.WithStack(err)
	}
	if err := os.WriteFile(filepath.Join(dir, model), file, 0o644); err != nil {
		return errors.WithStack(err)
	}
	path := filepath.Join(dir, fmt.Sprintf("%x.json", sha256.Sum256(data))[48:])
	return errors.WithStack(os.WriteFile(path, data, 0o644))
}

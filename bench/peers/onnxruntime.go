package main

import (
	_ "embed"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/pkg/errors"
)

//go:embed onnxruntime.mjs
var onnxScript []byte

// onnxFile is what the name of a workload's file has behind it where the model is in ONNX.
const onnxFile = ".onnx"

// startONNX starts the contender on onnxruntime, whose script goes to a file in the given folder. Its error says why
// there is none.
func startONNX(folder string, log io.Writer) (*process, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, errors.New("no onnxruntime: there is no node, in which it runs")
	}
	if exec.Command(node, "-e", "require('onnxruntime-node')").Run() != nil {
		return nil, errors.New("no onnxruntime: node does not find onnxruntime-node; npm install it in some folder, and set " +
			"NODE_PATH to the node_modules there")
	}
	script := filepath.Join(folder, "onnxruntime_peer.mjs")
	if err := os.WriteFile(script, onnxScript, 0o600); err != nil {
		return nil, errors.WithStack(err)
	}
	return start(exec.Command(node, script), log)
}

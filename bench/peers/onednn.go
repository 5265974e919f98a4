package main

import (
	"bytes"
	_ "embed"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/pkg/errors"
)

//go:embed onednn/peer.cpp
var oneDNNSource []byte

// startOneDNN compiles the contender on oneDNN in the given folder, and starts it. Its error says why there is none.
func startOneDNN(folder string, log io.Writer) (*process, error) {
	compiler := os.Getenv("CXX")
	if compiler == "" {
		compiler = "g++"
	}
	if _, err := exec.LookPath(compiler); err != nil {
		return nil, errors.Errorf("no oneDNN: there is no %s; set CXX to a compiler of C++", compiler)
	}
	source, program := filepath.Join(folder, "onednn_peer.cpp"), filepath.Join(folder, "onednn_peer")
	if err := os.WriteFile(source, oneDNNSource, 0o600); err != nil {
		return nil, errors.WithStack(err)
	}
	said, err := exec.Command(compiler, "-std=c++17", "-O2", "-fopenmp", source, "-o", program, "-ldnnl").CombinedOutput()
	if err != nil {
		line, _, _ := bytes.Cut(said, []byte("\n"))
		return nil, errors.Errorf("no oneDNN: %s cannot compile with it (%s): install libdnnl-dev", compiler, line)
	}
	return start(exec.Command(program), log)
}

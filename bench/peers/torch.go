package main

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/pkg/errors"
)

//go:embed torch.py
var torchScript string

// pythons are the interpreters that may have PyTorch: the environment's choice, the one on the path, Debian's.
func pythons() []string {
	if p := os.Getenv("PYTHON"); p != "" {
		return []string{p}
	}
	return []string{"python3", "/usr/bin/python3"}
}

// openblas is where Debian keeps the OpenBLAS that shares PyTorch's threads. With the usual one each of
// PyTorch's threads starts threads of its own, and PyTorch looks 2.5 times slower on two of them than it is.
// (package libopenblas0-openmp)
const openblas = "/usr/lib/x86_64-linux-gnu/openblas-openmp"

// startTorch starts the contender on PyTorch. Its error says why there is none. The script goes to a file in
// the given folder: what TorchScript compiles it reads from there.
func startTorch(folder string, log io.Writer) (*process, error) {
	python, err := findTorch(folder)
	if err != nil {
		return nil, err
	}
	script := filepath.Join(folder, "torch_peer.py")
	if err := os.WriteFile(script, []byte(torchScript), 0o600); err != nil {
		return nil, errors.WithStack(err)
	}
	command := exec.Command(python, script)
	command.Env = os.Environ()
	if _, err := os.Stat(openblas); err == nil {
		command.Env = append(command.Env, "LD_LIBRARY_PATH="+openblas+":"+os.Getenv("LD_LIBRARY_PATH"))
	} else {
		fmt.Fprintf(log, "PyTorch may use more threads for products than it is told, and be slower: there is no %s "+
			"(Debian: libopenblas0-openmp)\n", openblas)
	}
	return start(command, log)
}

// findTorch looks for it from a folder without a torch.py, as this package has one, which would be imported instead.
func findTorch(folder string) (python string, err error) {
	for _, p := range pythons() {
		path, err := exec.LookPath(p)
		if err != nil {
			continue
		}
		command := exec.Command(path, "-c", "import torch")
		command.Dir = folder
		if command.Run() == nil {
			return path, nil
		}
	}
	return "", errors.Errorf("no PyTorch: none of %s can import torch; set PYTHON to one that can",
		strings.Join(pythons(), ", "))
}

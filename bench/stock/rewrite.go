package main

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"

	"github.com/pkg/errors"
)

// rename is what tests say in the copy in place of what they said.
var rename = map[string]string{
	"NewTapeMachine": "NewUnrollMachine", "tapeMachine": "UnrollMachine",
	"NewLispMachine": "NewUnrollLisp", "lispMachine": "UnrollMachine",
}

// innards are tests of parts of Gorgonia's that unroll has not; they keep Gorgonia's machines.
var innards = map[string]bool{
	"Test_tapeMachine_Reset":           true, // the tape machine's registers
	"Test_tapeMachinePointerWatchFail": true, // WithPointerWatch, which watches the tape machine's memory
	"TestLispMachineBasics":            true, // the options of the lisp machine
	"TestLispMachineMechanics":         true, // its walk
	"TestLispMachineRepeatedRuns":      true,
	"TestUse":                          true, // the BLAS that Gorgonia's machines call
}

// rewriteTests lets all tests make an UnrollMachine where they make a tape machine.
func rewriteTests(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return errors.WithStack(err)
	}
	for _, name := range files {
		if err := rewriteFile(name); err != nil {
			return errors.Wrap(err, filepath.Base(name))
		}
	}
	return nil
}

func rewriteFile(name string) error {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, nil, parser.ParseComments)
	if err != nil {
		return errors.WithStack(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if f, ok := n.(*ast.FuncDecl); ok && innards[f.Name.Name] {
			return false
		}
		if id, ok := n.(*ast.Ident); ok && rename[id.Name] != "" {
			id.Name = rename[id.Name]
		}
		return true
	})
	var out bytes.Buffer
	if err := format.Node(&out, set, file); err != nil {
		return errors.WithStack(err)
	}
	return errors.WithStack(os.WriteFile(name, out.Bytes(), 0o644))
}

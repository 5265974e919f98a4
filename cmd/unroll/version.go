package main

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/unroll-ml/unroll/internal/machine"
)

type versionCmd struct{}

func (versionCmd) Run(a *app) error {
	_, err := fmt.Fprintf(a.stdout, "unroll %s, %s, %s/%s, devices: %s\n",
		machine.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, strings.Join(reach.Names(), ", "))
	return err
}

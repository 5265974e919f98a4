package op

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

func init() {
	cases["Fail"] = opCase{
		build: func(b *Builder, _ []*G.Node) *G.Node { return b.Fail(errors.New("a mistake of the caller")) },
		bad:   [][]input{{}},
	}
}

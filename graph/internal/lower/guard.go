package lower

import (
	"fmt"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Guard calls f for a node. Gorgonia's functions and users' ops, which f may call, like to panic: that is an error,
// which names the node. (A panic in a goroutine that they start cannot be caught.)
func Guard(n *G.Node, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.Errorf("%s: panic: %v", Describe(n), p)
		}
	}()
	return f()
}

// Describe names a node in errors: its name and shape, and its op if it has no name of its own.
func Describe(n *G.Node) string {
	if n == nil {
		return "a node that is nil"
	}
	return fmt.Sprintf("%s%v", n.Name(), []int(n.Shape()))
}

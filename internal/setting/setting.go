// Package setting is how a configuration says that one of its settings is wrong: one type of error, made where the
// rule is known, so that a rule is written once and a program can turn the name of the setting into that of its own
// flag.
package setting

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Error says that a setting has a value that it cannot have. errors.As finds it behind the errors that wrap it.
type Error struct {
	Setting string // the name of the field, such as Hidden
	Value   any    // nil: it was not set
	Want    string // what it must be, such as "at least 1"
}

// Error is one line: the setting, its value, what it must be.
func (e *Error) Error() string {
	switch v := e.Value.(type) {
	case nil:
		return fmt.Sprintf("%s is not set: it must be %s", e.Setting, e.Want)
	case string:
		return fmt.Sprintf("%s is %q: it must be %s", e.Setting, v, e.Want)
	case float64, float32:
		return fmt.Sprintf("%s is %g: it must be %s", e.Setting, v, e.Want)
	}
	return fmt.Sprintf("%s is %v: it must be %s", e.Setting, e.Value, e.Want)
}

// AtLeast checks that value ≥ least, which no NaN is.
func AtLeast[N int | int64 | float64](name string, value, least N) error {
	if value >= least && !math.IsInf(float64(value), 0) {
		return nil
	}
	return &Error{name, value, fmt.Sprintf("at least %v", least)}
}

// Positive checks that value > 0 and finite.
func Positive(name string, value float64) error {
	if value > 0 && !math.IsInf(value, 0) {
		return nil
	}
	return &Error{name, value, "greater than 0"}
}

// Within checks that from ≤ value ≤ to.
func Within(name string, value, from, to float64) error {
	if value >= from && value <= to {
		return nil
	}
	return &Error{name, value, fmt.Sprintf("in [%g, %g]", from, to)}
}

// Fraction checks that 0 ≤ value < 1.
func Fraction(name string, value float64) error {
	if value >= 0 && value < 1 {
		return nil
	}
	return &Error{name, value, "in [0, 1)"}
}

// OneOf checks that value is one of the given names.
func OneOf(name, value string, names []string) error {
	if slices.Contains(names, value) {
		return nil
	}
	return &Error{name, value, "one of " + strings.Join(names, ", ")}
}

// Set checks that a setting of an interface or pointer type has a value; want says which.
func Set(name string, is bool, want string) error {
	if is {
		return nil
	}
	return &Error{name, nil, want}
}

// Context is Set of a context.
func Context(ctx context.Context) error {
	return Set("ctx", ctx != nil, "a context, such as context.Background()")
}

package ir

import (
	"fmt"

	"github.com/pkg/errors"
)

// Broadcast repeats x to Shape: dimensions are aligned at the right; those of x that are missing or 1 are repeated.
type Broadcast struct{ Shape Shape }

func (o Broadcast) String() string { return fmt.Sprintf("broadcast(%v)", []int(o.Shape)) }
func (o Broadcast) Infer(args []*Value) (Type, error) {
	if err := arity(args, 1); err != nil {
		return Type{}, err
	}
	x := args[0]
	lead := len(o.Shape) - len(x.Shape)
	if lead < 0 {
		return Type{}, errors.Errorf("%v has more dimensions", x.Shape)
	}
	for i, d := range x.Shape {
		if d != 1 && d != o.Shape[lead+i] {
			return Type{}, errors.Errorf("%v does not fit", x.Shape)
		}
	}
	return Type{x.Dtype, o.Shape}, nil
}

// Reshape gives the elements of x, in row-major order, another shape.
type Reshape struct{ Shape Shape }

func (o Reshape) String() string { return fmt.Sprintf("reshape(%v)", []int(o.Shape)) }
func (o Reshape) Infer(args []*Value) (Type, error) {
	if err := arity(args, 1); err != nil {
		return Type{}, err
	}
	if args[0].Shape.Size() != o.Shape.Size() {
		return Type{}, errors.Errorf("%v has another number of elements", args[0].Shape)
	}
	return Type{args[0].Dtype, o.Shape}, nil
}

// Transpose permutes dimensions: dimension i of the result is dimension Perm[i] of x.
type Transpose struct{ Perm []int }

func (o Transpose) String() string { return fmt.Sprintf("transpose(%v)", o.Perm) }
func (o Transpose) Infer(args []*Value) (Type, error) {
	if err := arity(args, 1); err != nil {
		return Type{}, err
	}
	x, s := args[0], make(Shape, len(o.Perm))
	seen := make([]bool, len(o.Perm))
	if len(o.Perm) != len(x.Shape) {
		return Type{}, errors.Errorf("%v has another number of dimensions", x.Shape)
	}
	for i, p := range o.Perm {
		if p < 0 || p >= len(seen) || seen[p] {
			return Type{}, errors.New("not a permutation")
		}
		seen[p] = true
		s[i] = x.Shape[p]
	}
	return Type{x.Dtype, s}, nil
}

// Slice takes indices From, From+1, ..., To-1 along Axis.
type Slice struct{ Axis, From, To int }

func (o Slice) String() string { return fmt.Sprintf("slice(%d, %d:%d)", o.Axis, o.From, o.To) }
func (o Slice) Infer(args []*Value) (Type, error) {
	if err := arity(args, 1); err != nil {
		return Type{}, err
	}
	x := args[0]
	if o.Axis < 0 || o.Axis >= len(x.Shape) || o.From < 0 || o.From > o.To || o.To > x.Shape[o.Axis] {
		return Type{}, errors.Errorf("does not fit %v", x.Shape)
	}
	s := append(Shape{}, x.Shape...)
	s[o.Axis] = o.To - o.From
	return Type{x.Dtype, s}, nil
}

// Pad puts zeros around x along Axis: Before in front, After behind. It is the derivative of Slice.
type Pad struct{ Axis, Before, After int }

func (o Pad) String() string { return fmt.Sprintf("pad(%d, %d, %d)", o.Axis, o.Before, o.After) }
func (o Pad) Infer(args []*Value) (Type, error) {
	if err := arity(args, 1); err != nil {
		return Type{}, err
	}
	x := args[0]
	if o.Axis < 0 || o.Axis >= len(x.Shape) || o.Before < 0 || o.After < 0 {
		return Type{}, errors.Errorf("does not fit %v", x.Shape)
	}
	s := append(Shape{}, x.Shape...)
	s[o.Axis] += o.Before + o.After
	return Type{x.Dtype, s}, nil
}

// Concat joins its arguments along Axis.
type Concat struct{ Axis int }

func (o Concat) String() string { return fmt.Sprintf("concat(%d)", o.Axis) }
func (o Concat) Infer(args []*Value) (Type, error) {
	if len(args) == 0 {
		return Type{}, errors.New("nothing to join")
	}
	x := args[0]
	if o.Axis < 0 || o.Axis >= len(x.Shape) {
		return Type{}, errors.Errorf("no such axis in %v", x.Shape)
	}
	s := append(Shape{}, x.Shape...)
	for _, a := range args[1:] {
		if a.Dtype != x.Dtype || len(a.Shape) != len(s) {
			return Type{}, errors.Errorf("%v and %v cannot be joined", x.Type, a.Type)
		}
		for i, d := range a.Shape {
			if i == o.Axis {
				s[i] += d
			} else if d != s[i] {
				return Type{}, errors.Errorf("%v and %v cannot be joined", x.Type, a.Type)
			}
		}
	}
	return Type{x.Dtype, s}, nil
}

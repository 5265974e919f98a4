package cmdline

import (
	"reflect"
	"regexp"

	"github.com/alecthomas/kong"
)

// zeroes stand before a number, as in names of tasks that all have the same length.
var zeroes = regexp.MustCompile(`^([+-]?)0+(\d[\d_]*)$`)

// Decimal is an option of a parser: a number with zeroes before it is a decimal one. To kong it is octal, so that
// --seed 010 would be the seed 8, and --seed 08 none.
func Decimal() kong.Option {
	return kong.OptionFunc(func(k *kong.Kong) error {
		defaults := kong.NewRegistry().RegisterDefaults()
		for _, t := range []reflect.Type{
			reflect.TypeFor[int](), reflect.TypeFor[int64](), reflect.TypeFor[uint](), reflect.TypeFor[uint64](),
		} {
			read := defaults.ForType(t)
			mapper := kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
				next := ctx.Scan.Peek()
				if s, ok := next.Value.(string); ok {
					ctx.Scan.Pop()
					next.Value = zeroes.ReplaceAllString(s, "$1$2")
					ctx.Scan.PushToken(next)
				}
				return read.Decode(ctx, target)
			})
			if err := kong.KindMapper(t.Kind(), mapper).Apply(k); err != nil {
				return err
			}
		}
		return nil
	})
}

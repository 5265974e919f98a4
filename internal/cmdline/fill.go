package cmdline

import (
	"regexp"

	"github.com/alecthomas/kong"
	"github.com/pkg/errors"
)

var variable = regexp.MustCompile(`\$\{(\w+)(=[^}]*)?\}`)

// ofParser are the variables that kong fills in by itself, after Fill.
var ofParser = map[string]bool{"default": true, "enum": true, "env": true}

// Fill is an option of a parser: in the texts of its commands and flags, ${NAME} becomes what stands for it in the tag
// `set` of the flag or of what it is embedded in, else in vars, else what follows in ${NAME=TEXT}. A value may name
// others. It is what kong.Vars does; but kong reads all variables anew for each flag, which, for the flags of all
// tasks, takes a tenth of a second at each start.
func Fill(vars map[string]string) kong.Option {
	return kong.PostBuild(func(k *kong.Kong) error {
		return kong.Visit(k.Model, func(at kong.Visitable, next kong.Next) error {
			var tag *kong.Tag
			var texts []*string
			switch at := at.(type) {
			case *kong.Application:
				tag, texts = at.Tag, []*string{&at.Help}
			case *kong.Node:
				tag, texts = at.Tag, []*string{&at.Help}
			case *kong.Flag:
				tag, texts = at.Tag, []*string{&at.Help, &at.Default, &at.Enum, &at.PlaceHolder}
			case *kong.Value:
				tag, texts = at.Tag, []*string{&at.Help, &at.Default, &at.Enum}
			}
			filling := filling{vars: vars}
			if tag != nil {
				filling.set, tag.Vars = tag.Vars, nil
			}
			for _, text := range texts {
				*text = filling.fill(*text)
			}
			if filling.err != nil {
				return filling.err
			}
			return next(nil)
		})
	})
}

// filling fills in the texts of one command or flag.
type filling struct {
	set, vars map[string]string
	err       error
}

func (f *filling) fill(text string) string {
	return variable.ReplaceAllStringFunc(text, func(found string) string {
		parts := variable.FindStringSubmatch(found)
		name := parts[1]
		value, ok := f.set[name]
		if !ok {
			value, ok = f.vars[name]
		}
		switch {
		case ok:
			return f.fill(value)
		case parts[2] != "":
			return parts[2][1:]
		case !ofParser[name]:
			f.err = errors.Errorf("no variable ${%s}", name)
		}
		return found
	})
}

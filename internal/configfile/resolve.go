package configfile

import (
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Resolve implements kong.Resolver: what the file says of a flag that the command line leaves to it.
func (f *File) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	v, ok := f.flags[flag.Name]
	if !ok || f.overridden(ctx, flag) {
		return nil, nil
	}
	f.used[flag.Name] = true
	return v.text, nil
}

// Validate implements kong.Resolver.
func (f *File) Validate(*kong.Application) error { return nil }

// leadingFlag is the flag that a message begins with.
var leadingFlag = regexp.MustCompile(`^--([a-z0-9-]+)`)

// Where is a message about a setting of the file, with its line; "" if it is about something else.
func (f *File) Where(message string) string {
	m := leadingFlag.FindStringSubmatch(message)
	if f == nil || m == nil || !f.used[m[1]] {
		return ""
	}
	return f.wrong(f.flags[m[1]].line, "%s%s", strings.ReplaceAll(m[1], "-", "_"), message[len(m[0]):]).Error()
}

// depends are settings that say more about another one: where the command line has that, they are the file's no more.
var depends = map[string][]string{
	"schedule":    {"schedule-steps", "schedule-factor", "schedule-patience"},
	"optimizer":   {"momentum"},
	"softmax":     {"cutoffs", "softmax-samples"},
	"cell":        {"nonlinearity", "forget-bias", "peepholes", "layer-norm"},
	"head":        {"decoder-cell", "decoder-hidden"},
	"loss":        {"quantiles"},
	"char-hidden": {"char-embed", "letters"},
	"steps":       {"schedule-steps"},
	"epochs":      {"schedule-steps"},
	"minutes":     {"schedule-steps"},
	"warmup":      {"schedule-steps"},
	"conllu":      {"column", "word-column"},
	"columns":     {"column", "word-column"},
}

// overridden says whether the command line has something that takes the place of what the file says of a flag: another
// of those that exclude each other, or other data.
func (f *File) overridden(ctx *kong.Context, flag *kong.Flag) bool {
	path, _ := placeOf(f.Task, flag.Name)
	ofData := namesData(f.Task, flag.Name) || strings.HasPrefix(path, "data.")
	measured := func(name string) bool {
		return strings.HasPrefix(name, "valid-") && (namesData(f.Task, name) || name == "valid-text") ||
			name == "hold-out" || name == "split"
	}
	for _, p := range ctx.Path {
		switch given := p.Flag; {
		case given == nil || p.Resolved:
		case slices.ContainsFunc(given.Xor, func(group string) bool { return slices.Contains(flag.Xor, group) }),
			slices.Contains(depends[given.Name], flag.Name),
			ofData && slices.Contains(dataFlags(f.Task), given.Name),
			measured(flag.Name) && measured(given.Name):
			return true
		}
	}
	return false
}

// Package grid reads sweeps: files with the flags of a training on each line, of which each task of an array job
// takes one.
//
//	# what gates are worth
//	--cell rnn --hidden 128
//	--cell lstm --hidden 64      # a comment
//	long: --cell lstm --hidden 512 --steps 20000
//
// A line may begin with a name and a colon; without one its flags are the name. Words are quoted as in a shell: 'as
// it is', "with \"", or \ before a character. Nothing else of a shell is there: $HOME and * stand for themselves.
//
// It must not know which flags there are.
package grid

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// maxBytes is how large a grid may be.
const maxBytes = 16 << 20

// Grid is what a file of a sweep holds.
type Grid struct {
	Path      string
	Trainings []Training
}

// Training is that of one line.
type Training struct {
	Line int    // of the file, from 1
	Name string // of its folder; no other line of the file has it
	Args []string
}

// Error says what is wrong with a line of a grid, or with all of it.
type Error struct {
	Path string
	Line int // from 1; 0: none
	What string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Path + ": " + e.What
	}
	return fmt.Sprintf("%s:%d: %s", e.Path, e.Line, e.What)
}

// Read reads a grid. What is wrong with its contents is an *Error.
func Read(path string) (*Grid, error) {
	data, err := content(path)
	if err != nil {
		return nil, err
	}
	g := &Grid{Path: path}
	for i, text := range strings.Split(strings.TrimPrefix(string(data), "\ufeff"), "\n") {
		t, err := parse(strings.TrimSuffix(text, "\r"))
		if err != nil {
			return nil, errors.WithStack(&Error{path, i + 1, err.Error()})
		}
		if t.Name == "" {
			continue
		}
		t.Line = i + 1
		if same := slices.IndexFunc(g.Trainings, func(other Training) bool { return other.Name == t.Name }); same >= 0 {
			what := fmt.Sprintf("it has the folder of line %d, %s: change its flags or its name", g.Trainings[same].Line, t.Name)
			return nil, errors.WithStack(&Error{path, t.Line, what})
		}
		g.Trainings = append(g.Trainings, t)
	}
	if len(g.Trainings) == 0 {
		return nil, errors.WithStack(&Error{path, 0, "it has no training: write the flags of each on a line"})
	}
	return g, nil
}

// content is that of a file, which a person has named: links are followed.
func content(path string) ([]byte, error) {
	f, err := safefile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err == nil && len(data) > maxBytes {
		return nil, errors.WithStack(&Error{path, 0, fmt.Sprintf("it is too large: at most %d bytes are read", maxBytes)})
	}
	return data, errors.WithStack(err)
}

// parse is the training of a line; one without a name is none.
func parse(text string) (t Training, err error) {
	if t.Args, err = split(text); err != nil || len(t.Args) == 0 {
		return t, err
	}
	if name, ok := strings.CutSuffix(t.Args[0], ":"); ok {
		t.Name, t.Args = name, t.Args[1:]
		if !usable(name) || len(name) > maxName {
			return t, errors.Errorf("the name %q: it may have %d characters at most, letters, digits and -_.+=@, and must not "+
				"begin with a dot or a dash", name, maxName)
		}
	}
	for _, word := range t.Args {
		if flag, _, _ := strings.Cut(word, "="); slices.Contains(outerFlags, flag) {
			return t, errors.Errorf("%s is for the command line: the folder of a line is called as its flags, or as a name and "+
				"a colon before them", flag)
		}
	}
	if t.Name == "" {
		t.Name = nameOf(t.Args)
	}
	return t, nil
}

const maxName = 100

// nameOf is a name for a folder that tells the flags: cell=lstm,hidden=64. What cannot stand in it, or is too long,
// is told by a sum.
func nameOf(args []string) string {
	var name strings.Builder
	whole := true
	for i, word := range args {
		flag, value, joined := word, "", false
		if isFlag(word) {
			flag, value, joined = strings.Cut(strings.TrimLeft(word, "-"), "=")
		}
		for _, part := range []string{flag, value} {
			whole = whole && !strings.ContainsFunc(part, func(r rune) bool { return !plain(r) })
		}
		switch {
		case i == 0:
		case isFlag(word):
			name.WriteByte(',')
		default:
			name.WriteByte('=')
		}
		name.WriteString(clean(flag))
		if joined {
			name.WriteString("=" + clean(value))
		}
	}
	text := strings.TrimLeft(name.String(), ".-=,")
	if whole && len(text) <= maxName && usable(text) {
		return text
	}
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(args, "\x00"))))[:8]
	return cmp.Or(strings.TrimRight(text[:min(len(text), maxName-9)], ".,="), "training") + "-" + sum
}

func isFlag(word string) bool { return strings.HasPrefix(word, "--") }

// plain says of a character that it stands for itself in names.
func plain(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.+@", r)
}

func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if plain(r) {
			return r
		}
		return '-'
	}, text)
}

// usable says of a name that it is one of a folder which every shell takes as it is.
func usable(name string) bool {
	return name != "" && name[0] != '.' && name[0] != '-' &&
		!strings.ContainsFunc(name, func(r rune) bool { return !plain(r) && r != '=' && r != ',' })
}

// split is the words of a line, without comments.
func split(line string) (words []string, err error) {
	var word strings.Builder
	within, quote := false, rune(0)
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case r == '\\' && quote != '\'':
			if i++; i == len(runes) {
				return nil, errors.New("a backslash at its end: a training is on one line")
			}
			if quote == '"' && runes[i] != '"' && runes[i] != '\\' {
				word.WriteRune(r)
			}
			word.WriteRune(runes[i])
			within = true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, within = r, true
		case r == '#' && !within:
			return words, nil
		case r == ' ' || r == '\t':
			if within {
				words = append(words, word.String())
			}
			word.Reset()
			within = false
		default:
			word.WriteRune(r)
			within = true
		}
	}
	if quote != 0 {
		return nil, errors.Errorf("a quote %c that is not closed", quote)
	}
	if within {
		words = append(words, word.String())
	}
	return words, nil
}

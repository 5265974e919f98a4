package datasets

import (
	"bytes"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/pkg/errors"
)

// tokenFiles are files of tokens in a folder: one that was kept, if there is a path, and a scratch file with room.
type tokenFiles struct {
	dir, kept string
	room      int64
	scratch   *os.File
}

func (f *tokenFiles) Kept() (*os.File, error) { return os.Open(f.kept) }

func (f *tokenFiles) Scratch() (*os.File, int64, error) {
	if f.room < 0 {
		return nil, 0, errors.New("no scratch file")
	}
	var err error
	f.scratch, err = os.CreateTemp(f.dir, "scratch")
	return f.scratch, f.room, err
}

// given says whether the scratch file was asked for, and whether it is open.
func (f *tokenFiles) given(t *testing.T) (asked, open bool) {
	t.Helper()
	if f.scratch == nil {
		return false, false
	}
	_, err := f.scratch.Stat()
	return true, err == nil
}

// A text on the disk is encoded once: while its tokens are counted they are written into a scratch file, from which all
// else comes; and not at all where its tokens were kept. What goes wrong with the files changes nothing.
func TestEncodedOnce(t *testing.T) {
	data := prose(1, 60_000)
	for _, config := range []VocabConfig{{Kind: Char}, {Kind: Word}, {Kind: BPE, Size: 40}} {
		v := build(t, config, data[:30_000])
		plain := encodedOn(t, v, onDisk(t, data))
		want := make([]int32, plain.Len())
		if err := plain.Read(0, want); err != nil {
			t.Fatal(err)
		}
		file := tokensWritten(t, plain)
		kept := write(t, "kept", file)
		encoded := func(text *Text, files *tokenFiles) *Encoded {
			s, err := v.EncodeKept(text, files)
			if err != nil {
				t.Fatal(err)
			}
			x := s.(*Encoded)
			t.Cleanup(func() { x.Close() })
			if x.Len() != len(want) || v.Unknown(x) != v.Unknown(Slice(want)) {
				t.Errorf("%s: %d tokens, %d unknown", v.Kind(), x.Len(), v.Unknown(x))
			}
			return x
		}
		for name, c := range map[string]struct {
			files       tokenFiles
			asked, open bool // the scratch file, in the end
			gone        bool // the text may be gone then
		}{
			"first":              {tokenFiles{room: int64(len(file))}, true, true, true},
			"no room":            {tokenFiles{room: 3000}, true, false, false},
			"no scratch file":    {tokenFiles{room: -1}, false, false, false},
			"kept":               {tokenFiles{kept: kept}, false, false, true},
			"others were kept":   {tokenFiles{kept: write(t, "x", file[:len(file)-1]), room: 1 << 20}, true, true, true},
			"of another program": {tokenFiles{kept: write(t, "x", []byte("text")), room: 1 << 20}, true, true, true},
		} {
			text := onDisk(t, data)
			c.files.dir = t.TempDir()
			x := encoded(text, &c.files)
			if asked, open := c.files.given(t); asked != c.asked || open != c.open {
				t.Errorf("%s, %s: scratch file asked for %v, in use %v", v.Kind(), name, asked, open)
			}
			if c.gone {
				text.contents.file.Close()
			}
			reads(t, x, want)
			if !bytes.Equal(tokensWritten(t, x), file) {
				t.Errorf("%s, %s: it writes another file", v.Kind(), name)
			}
			if _, err := uses(t, x, file); err != nil {
				t.Errorf("%s, %s: %v", v.Kind(), name, err)
			}
			reads(t, x, want)
			if _, open := c.files.given(t); open {
				t.Errorf("%s, %s: the scratch file is still open", v.Kind(), name)
			}
		}
		x := encoded(onDisk(t, data), &tokenFiles{kept: kept})
		if err := os.Truncate(kept, 100); err != nil {
			t.Fatal(err)
		}
		reads(t, x, want) // by encoding, from here on
	}
}

// Where a token is a character there is nothing to count: the text is not encoded before its tokens are wanted.
func TestCharactersAreNotCounted(t *testing.T) {
	text := onDisk(t, prose(1, 20_000))
	files := &tokenFiles{dir: t.TempDir(), room: 1 << 20}
	s, err := NewVocab(text).EncodeKept(text, files)
	if err != nil || s.Len() != text.Len() || files.scratch != nil {
		t.Errorf("%v, %d tokens of %d characters, scratch file %v", err, s.Len(), text.Len(), files.scratch)
	}
}

// The file in use is not checked again.
func TestUsedAgain(t *testing.T) {
	data := prose(1, 20_000)
	x := encodedOn(t, build(t, VocabConfig{Kind: Word}, data), onDisk(t, data))
	path, err := uses(t, x, tokensWritten(t, x))
	if err != nil {
		t.Fatal(err)
	}
	used := x.file
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Use(f); err != nil || x.file != used || f.Close() == nil {
		t.Errorf("%v, or another file is used, or the second one is open", err)
	}
}

// Pairs on the disk are encoded once, too.
func TestPairsEncodedOnce(t *testing.T) {
	path, source, target := somePairs(t)
	want := pairTokens(t, encodedPairs(t, openedPairs(t, path, MaxHeldBytes), source, target), nil)
	lazy := encodedPairs(t, openedPairs(t, path, 0), source, target)
	pairTokens(t, lazy, nil)
	file := tokensWritten(t, lazy)
	pairTokens(t, lazy, nil)
	some := encodedPairs(t, openedPairs(t, path, 0), source, target)
	pairTokens(t, some, func(i int) bool { return i%5 == 0 })
	for name, c := range map[string]struct {
		files       tokenFiles
		asked, open bool
		gone        bool
	}{
		"first":            {tokenFiles{room: 1 << 20}, true, true, true},
		"no room":          {tokenFiles{room: 300}, true, false, false},
		"no scratch file":  {tokenFiles{room: -1}, false, false, false},
		"kept":             {tokenFiles{kept: write(t, "kept", file)}, false, false, true},
		"some were kept":   {tokenFiles{kept: write(t, "some", tokensWritten(t, some))}, false, false, false},
		"others were kept": {tokenFiles{kept: write(t, "x", file[1:]), room: 1 << 20}, true, true, true},
	} {
		pairs := openedPairs(t, path, 0)
		c.files.dir = t.TempDir()
		x, err := EncodePairs(pairs, source, target, &c.files)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { x.Close() })
		if asked, open := c.files.given(t); asked != c.asked || open != c.open {
			t.Errorf("%s: scratch file asked for %v, in use %v", name, asked, open)
		}
		if c.gone {
			pairs.Close()
		}
		for range 2 {
			if got := pairTokens(t, x, nil); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		}
		if written := tokensWritten(t, x); !slices.Equal(written, file) && name != "some were kept" {
			t.Errorf("%s: it writes another file", name)
		}
	}
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	var e *Error
	files := &tokenFiles{dir: t.TempDir(), room: 1 << 20}
	_, err := EncodePairs(lazy.pairs, source, target, files)
	if _, open := files.given(t); !errors.As(err, &e) || open {
		t.Errorf("pairs that have changed: %v, scratch file in use %v", err, open)
	}
}

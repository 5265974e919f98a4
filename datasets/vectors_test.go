package datasets

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"
)

// wordsOf is a vocabulary of words, the first the most frequent.
func wordsOf(t *testing.T, words ...string) *Vocab {
	t.Helper()
	var texts []string
	for i, w := range words {
		texts = append(texts, strings.Repeat(w+" ", len(words)-i))
	}
	v, err := BuildVocab(VocabConfig{Kind: Word, Least: 1}, slices.Values(texts))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// word2vec is the binary form, with a text after each vector.
func word2vec(end string, header string, words ...any) string {
	var b bytes.Buffer
	b.WriteString(header)
	for _, w := range words {
		switch w := w.(type) {
		case string:
			b.WriteString(w + " ")
		case []float32:
			binary.Write(&b, binary.LittleEndian, w)
			b.WriteString(end)
		}
	}
	return b.String()
}

// The same vectors, however they are written.
func TestReadVectors(t *testing.T) {
	binary := func(end string) string {
		return word2vec(end, "4 3\n", "</s>", []float32{9, 9, 9}, "the", []float32{0.5, -0.25, 1e-3}, "é",
			[]float32{1, 2, 3}, "other", []float32{0, 0, 0})
	}
	v := wordsOf(t, "The", "é", "the", "missing")
	the, e, end := []float32{0.5, -0.25, 1e-3}, []float32{1, 2, 3}, []float32{9, 9, 9}
	want := make([][]float32, v.Len())
	want[End], want[4], want[5], want[6] = end, the, e, the
	for _, c := range []struct {
		name, data string
		words      int
	}{
		{"glove", "</s> 9 9 9\nthe 0.5 -0.25 0.001\né 1 2 3\n", 3},
		{"glove without the last line break", "</s> 9 9 9\nthe 0.5 -0.25 0.001\né 1 2 3", 3},
		{"words with spaces", ". . . 7 7 7\n</s> 9 9 9\nat name@x.org 7 7 7\nthe 0.5 -0.25 0.001\né 1 2 3\n. . 7 7 7\n", 6},
		{"tabs", "New York\t7\t7\t7\n</s>\t9\t9\t9\nthe\t0.5\t-0.25\t0.001\né\t1\t2\t3\n", 4},
		{"blanks", "\n</s>  9 9 9 \nthe 0.5\t-0.25 0.001\r\n\né 1 2 3\r\n\n", 3},
		{"a byte order mark", "\ufeff</s> 9 9 9\nthe 0.5 -0.25 0.001\né 1 2 3\n", 3},
		{"words that are no UTF-8, and a space of another kind", "</s> 9 9 9\n\xff\xe9 7 7 7\nthe 0.5 -0.25 0.001\nthe\u00a0the 7 7 7\né 1 2 3\n", 5},
		{"word2vec text", "3 3\n</s> 9 9 9\nthe 0.5 -0.25 0.001\né 1 2 3\n", 3},
		{"fastText", "4 3\n</s> 9 9 9 \nthe 5e-1 -0.25 1e-3 \né 1 2 3 \nother 0 0 0 \n", 4},
		{"word2vec binary, line breaks", binary("\n"), 4},
		{"word2vec binary, none", binary(""), 4},
		{"numbers of words that nobody wants", "</s> 9 9 9\nthe 0.5 -0.25 0.001\né 1 2 3\nx a b c\n", 4},
	} {
		for _, path := range []string{write(t, "a.vec", []byte(c.data)), write(t, "a.vec.gz", zip(t, c.data))} {
			x, err := ReadVectors(path, v)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			if !cmp.Equal(x.Rows, want) || x.Size != 3 || x.Words != c.words || x.Found != 3 || x.Lower != 1 || x.Notes != nil {
				t.Errorf("%s: %+v", c.name, x)
			}
			if x.SHA256 != sha256Hex([]byte(c.data)) {
				t.Errorf("%s: the hash is not that of the contents", c.name)
			}
			if size, err := VectorSize(path); err != nil || size != 3 {
				t.Errorf("%s: size %d, %v", c.name, size, err)
			}
		}
	}
}

// A word's own vector counts before that of its lower-case form, the first before later ones, in whatever order
// they are.
func TestVectorsOfOneWord(t *testing.T) {
	v := wordsOf(t, "US", "us")
	for _, c := range []struct {
		data           string
		upper, of      []float32
		lower, warning int
	}{
		{"us 1 1\nUS 2 2\n", []float32{2, 2}, []float32{1, 1}, 0, 0},
		{"US 2 2\nus 1 1\n", []float32{2, 2}, []float32{1, 1}, 0, 0},
		{"us 1 1\nus 3 3\nx 0 0\n", []float32{1, 1}, []float32{1, 1}, 1, 1},
		{"US 2 2\nUS 3 3\nUS 4 4\n", []float32{2, 2}, nil, 0, 1},
	} {
		path := write(t, "a.txt", []byte(c.data))
		x, err := ReadVectors(path, v)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(x.Rows[4], c.upper) || !slices.Equal(x.Rows[5], c.of) || x.Lower != c.lower ||
			len(x.Notes) != c.warning {
			t.Errorf("%q: %+v", c.data, x)
		}
	}
	x, err := ReadVectors(write(t, "a.txt", []byte("us 1 1\nus 3 3\nus 4 4\n")), v)
	if err != nil || len(x.Notes) != 1 || !strings.HasSuffix(x.Notes[0], "the first vector counts; left out: 2") {
		t.Errorf("%v, %v", x.Notes, err)
	}
}

// Words are compared in the normal form of the vocabulary.
func TestVectorsInNormalForm(t *testing.T) {
	v, err := BuildVocab(VocabConfig{Kind: Word, Least: 1, Form: NFC}, slices.Values([]string{"caf\u00e9"}))
	if err != nil {
		t.Fatal(err)
	}
	x, err := ReadVectors(write(t, "a.txt", []byte("cafe\u0301 1 2\n")), v)
	if err != nil || x.Found != 1 {
		t.Errorf("%+v, %v", x, err)
	}
}

func TestReadVectorsRefuses(t *testing.T) {
	const want = "want a word and its numbers a line, as GloVe and fastText (.vec) write them, or the binary " +
		"form of word2vec"
	v := wordsOf(t, "the", "a")
	three := "a 1 2 3\nb 1 2 3\nc 1 2 3\n"
	header, few := "3 2\n", []any{"the", []float32{1, 2}, "b", []float32{1, 2}}
	for _, c := range []struct{ name, data, want string }{
		{"empty", "", "FILE: it is empty: " + want},
		{"blank", "\n \n", "FILE: it is empty: " + want},
		{"a number is missing", three + "the 1 2\n",
			"FILE:4: it has 3 columns, a word and 3 numbers are wanted, as most of the first lines have: correct it, or download the file again"},
		{"in the first line", "the 1 2\n" + three,
			"FILE:1: it has 3 columns, a word and 3 numbers are wanted, as most of the first lines have: correct it, or download the file again"},
		{"a number too many", three + "the 1 2 3 4\n",
			"FILE:4: it has 5 columns, a word and 3 numbers are wanted, as most of the first lines have: correct it, or download the file again"},
		{"other than the first line says", "2 4\na 1 2 3\nthe 1 2 3\n",
			"FILE:2: it has 4 columns, a word and 4 numbers are wanted, as the first line says: correct it, or download the file again"},
		{"no number", three + "the 1 x 3\n", `FILE:4: "x" is no finite number: correct it, or download the file again`},
		{"not finite", three + "the 1 nan 3\n", `FILE:4: "nan" is no finite number: correct it, or download the file again`},
		{"too large", three + "the 1 1e39 3\n", `FILE:4: "1e39" is no finite number: correct it, or download the file again`},
		{"cut off", "5 3\nthe 1 2 3\n" + three, "FILE: its first line says 5 words, and it has 4: download it again, or correct that line"},
		{"more than the first line says", "2 3\n" + three, "FILE: its first line says 2 words, and it has 3: download it again, or correct that line"},
		{"no words", "0 3\n", "FILE:1: it says 0 words of 3 numbers: at least 1 word, and 1 to 10000 numbers, are read"},
		{"vectors of a billion", "2 1000000000\na 1\n", "FILE:1: it says 2 words of 1000000000 numbers: at least 1 word, and 1 to 10000 numbers, are read"},
		{"a text", "the house and a tree\nthe mouse\n", "FILE:1: it is no word with two numbers or more: " + want},
		{"a list of counts", "the 2000\na 1000\n", "FILE:1: it is no word with two numbers or more: " + want},
		{"markup", "<!DOCTYPE html>\n<html>\n", "FILE: it begins with <!DOCTYPE, which is markup: " + want},
		{"an archive", "PK\x03\x04....", "FILE: it is a zip archive: unpack it, and name the file in it"},
		{"a model of fastText", "\xba\x16\x4f\x2f\x0c\x00", "FILE: it is a model of fastText: use the file .vec that belongs to it"},
		{"UTF-16", "\xff\xfea\x00", "FILE: byte 0 (0xff) is not UTF-8, it looks like UTF-16: convert it, for example with iconv -f UTF-16 -t UTF-8"},
		{"no line break", strings.Repeat("x", 1<<20), "FILE: its first 262144 bytes have no line break: " + want},
		{"other words", "x 1 2\ny 1 2\n",
			"FILE: none of its 2 words is in the vocabulary of the model: use vectors of the language of the data, or leave them out"},
		{"a long line", three + "the 1 2 " + strings.Repeat("3", 2<<20) + "\n", "FILE:4: the line is longer than 1048576 bytes: download the file again"},
		{"binary, too few words", word2vec("", header, few...), "FILE: its first line says 3 words, and it has 2: download it again, or correct that line"},
		{"binary, too many", word2vec("", header, append(few, few...)...), "FILE: there is more than the 3 words that the first line says: download it again"},
		{"binary, a blank in a word", word2vec("\n", "4 3\n", "the", []float32{1, 2, 3}, "New York", []float32{0.1, 0.2, 0.3}, "a", []float32{1, 2, 3}, "x", []float32{1, 2, 3}),
			"FILE: word 3 does not begin where those before do: there may be a blank in word 2, which the binary form does not allow: write _ for it, or use the form of texts"},
		{"binary, cut off in a vector", strings.TrimSuffix(word2vec("", "2 2\n", few...), "\x40"), "FILE: it ends within word 2 of the 2 that its first line says: download it again"},
		{"binary, cut off in a word", word2vec("", header, few...) + "wor", "FILE: it ends within word 3 of the 3 that its first line says: download it again"},
		{"binary, a word without an end", word2vec("", "2 2\n", "the", []float32{1, 2}) + strings.Repeat("\x01", 1<<13),
			"FILE: word 2 is longer than 4096 bytes: it is not the binary form of word2vec, or damaged"},
		{"binary, not finite", word2vec("", "1 2\n", "the", []float32{1, float32(math.NaN())}), "FILE: number 2 of word 1 is NaN: download it again"},
	} {
		path := write(t, "a.txt", []byte(c.data))
		_, err := ReadVectors(path, v)
		wantError(t, c.name, path, err, c.want)
	}
	path := write(t, "a.gz", zip(t, three)[:20])
	_, err := ReadVectors(path, v)
	wantError(t, "damaged gzip", path, err, "FILE: damaged gzip data (unexpected EOF): copy or download it again")
	path = write(t, "b.gz", []byte(three))
	_, err = ReadVectors(path, v)
	wantError(t, "no gzip", path, err, "FILE: "+notGzip)
	if _, err := ReadVectors(filepath.Join(t.TempDir(), "none"), v); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	chars, err := BuildVocab(VocabConfig{Kind: Char, Least: 1}, slices.Values([]string{"xyz"}))
	if err != nil {
		t.Fatal(err)
	}
	path = write(t, "a.txt", []byte("the 1 2\n"))
	_, err = ReadVectors(path, chars)
	wantError(t, "characters", path, err,
		"FILE: none of its 1 words is in the vocabulary of the model, which has tokens of the kind char: cut texts into "+
			"words, or leave the vectors out")
}

// Gzip data that are damaged after the beginning are said to be.
func TestVectorsInDamagedGzip(t *testing.T) {
	var all strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&all, "w%d %d 0.%d\n", i, i*7919%1000, i*31%997)
	}
	data := zip(t, all.String())
	path := write(t, "a.gz", data[:len(data)/2])
	_, err := ReadVectors(path, wordsOf(t, "w1"))
	wantError(t, "cut", path, err, "FILE: damaged gzip data (unexpected EOF): copy or download it again")
}

// Coverage is of the texts, in which unknown words count as well.
func TestVectorCoverage(t *testing.T) {
	v := wordsOf(t, "a", "b")
	x := &Vectors{Size: 1, Rows: [][]float32{nil, {1}, nil, nil, {1}, nil}} // a, and what is unknown
	if tokens, found := x.Coverage(v, slices.Values([]string{"a b a", "c a"})); tokens != 5 || found != 3 {
		t.Errorf("%d of %d", found, tokens)
	}
}

// Rows without a vector are scaled to the size of those that have one; others are these.
func TestVectorsInto(t *testing.T) {
	x := &Vectors{Size: 2, Rows: [][]float32{nil, {3, -3}, nil, {3, 3}}}
	if x.Scale() != 3 {
		t.Errorf("scale %g", x.Scale())
	}
	embedding := []float32{1, -1, 1, 1, 0, 2, 1, -1} // of the root mean square √(10/8)
	if err := x.Into(embedding); err != nil {
		t.Fatal(err)
	}
	f := float32(3 / math.Sqrt(10./8))
	for i, want := range []float32{f, -f, 3, -3, 0, 2 * f, 3, 3} {
		if math.Abs(float64(embedding[i]-want)) > 1e-6 {
			t.Errorf("%d: %g, want %g", i, embedding[i], want)
		}
	}
	if x.Into(embedding[:6]) == nil {
		t.Error("an embedding of another size was filled")
	}
	zeros := &Vectors{Size: 1, Rows: [][]float32{{0}, nil}}
	one := []float32{1, 1}
	if err := zeros.Into(one); err != nil || one[1] != 1 {
		t.Errorf("%v, %v", one, err)
	}
}

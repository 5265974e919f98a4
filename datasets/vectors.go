package datasets

import (
	"fmt"
	"io"
	"iter"
	"math"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/setting"
)

// Vectors are pretrained vectors of the tokens of a vocabulary (word embeddings), such as those of word2vec
// (Mikolov et al., 2013), GloVe (Pennington, Socher and Manning, 2014) and fastText (Bojanowski et al., 2017).
type Vectors struct {
	Name   string // the file
	SHA256 string // of its bytes, uncompressed
	Size   int    // numbers of a vector
	Words  int    // in the file

	// Rows are the vectors by token, Size numbers each; nil: the file has none. A token whose name the file
	// lacks has the vector of its name in lower case, if there is one. Reserved tokens have those of <pad>,
	// <unk>, <s> and </s>.
	Rows [][]float32

	Found int      // how many tokens that are not reserved have a vector
	Lower int      // of them by their name in lower case
	Notes []string // what was left out, in words
}

// VectorSize is how many numbers the vectors of a file have. It reads the beginning alone.
func VectorSize(path string) (int, error) {
	f, err := openVectors(path)
	if err != nil {
		return 0, err
	}
	return f.size, f.Close()
}

// ReadVectors reads the vectors that a file has for the tokens of a vocabulary. The file may be larger than
// memory: only those vectors are kept. It is plain or compressed by gzip, and one of
//
//   - a text with a word and its numbers a line, as GloVe has it; the words may have spaces in them
//   - the same with the numbers of words and of dimensions in the first line, as word2vec and fastText (.vec) have it
//   - such a first line, and then each word, a space and its numbers as float32, little-endian: the binary form of word2vec
//
// Of a word that the file has several times the first counts. Numbers of words that the vocabulary lacks are
// not looked at, but that they are as many. A file that is none of these, or has no word of the vocabulary, is
// an *Error.
func ReadVectors(path string, v *Vocab) (*Vectors, error) {
	if err := setting.Set("vocabulary", v != nil, "that of the model, such as BuildVocab gives"); err != nil {
		return nil, err
	}
	f, err := openVectors(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	x := &Vectors{Name: path, Size: f.size, Rows: make([][]float32, v.Len())}
	if err := x.read(f, v); err != nil {
		return nil, err
	}
	x.SHA256 = f.sha256()
	if x.Found == 0 {
		what := fmt.Sprintf("none of its %d words is in the vocabulary of the model", x.Words)
		if v.kind == Word {
			return nil, &Error{File: path, What: what + ": use vectors of the language of the data, or leave them out"}
		}
		return nil, &Error{File: path, What: fmt.Sprintf(
			"%s, which has tokens of the kind %s: cut texts into words, or leave the vectors out", what, v.kind,
		)}
	}
	return x, nil
}

// read keeps the vectors of the vocabulary's tokens.
func (x *Vectors) read(f *vectorFile, v *Vocab) error {
	exact, lower := map[string]int32{}, map[string][]int32{}
	for t, name := range v.tokens {
		if _, ok := exact[name]; !ok {
			exact[name] = int32(t)
		}
		if small := strings.ToLower(name); small != name {
			lower[small] = append(lower[small], int32(t))
		}
	}
	own, again := make([]bool, v.Len()), 0
	for {
		word, vector, err := f.next()
		if err == io.EOF {
			break
		} else if err != nil {
			return f.failed(err)
		}
		x.Words++
		if v.form != "" {
			word = []byte(v.form.apply(string(word)))
		}
		t, wanted := exact[string(word)]
		others := lower[string(word)]
		if wanted && own[t] {
			again++
			continue
		}
		if !wanted && len(others) == 0 {
			continue
		}
		row := make([]float32, x.Size)
		if err := f.numbers(vector, row); err != nil {
			return err
		}
		if wanted {
			x.Rows[t], own[t] = row, true
		}
		for _, t := range others {
			if x.Rows[t] == nil {
				x.Rows[t] = row
			}
		}
	}
	for t := v.special; t < v.Len(); t++ {
		if x.Rows[t] == nil {
			continue
		}
		x.Found++
		if !own[t] {
			x.Lower++
		}
	}
	if again > 0 {
		x.Notes = append(x.Notes,
			fmt.Sprintf("%s: of a word that is there several times the first vector counts; left out: %d", x.Name, again))
	}
	return nil
}

// Coverage counts the tokens of texts, and those of them whose vector was found.
func (x *Vectors) Coverage(v *Vocab, texts iter.Seq[string]) (tokens, found int) {
	e := &encoder{Vocab: v, known: map[piece]joined{}}
	var encoded []int32
	for s := range texts {
		var unknown int
		encoded, unknown = e.encode(encoded[:0], s)
		tokens += len(encoded)
		if v.special == 0 {
			tokens += unknown // which are left out
		}
		for _, t := range encoded {
			if int(t) >= v.special && int(t) < len(x.Rows) && x.Rows[t] != nil {
				found++
			}
		}
	}
	return tokens, found
}

// Scale is the root mean square of all numbers of the vectors that were found; 0 without any.
func (x *Vectors) Scale() float64 { return rootMeanSquare(x.Rows...) }

func rootMeanSquare(rows ...[]float32) float64 {
	sum, n := 0.0, 0
	for _, row := range rows {
		for _, x := range row {
			sum += float64(x) * float64(x)
		}
		n += len(row)
	}
	return math.Sqrt(sum / float64(max(n, 1)))
}

// Into writes the vectors into an embedding, Size numbers for each token of the vocabulary. The rows of tokens
// without a vector keep what was drawn for them, scaled so that it is as large as the vectors are (as Kim,
// 2014, draws them).
func (x *Vectors) Into(embedding []float32) error {
	if len(embedding) != len(x.Rows)*x.Size {
		return errors.Errorf("vectors of %d numbers for %d tokens do not fit an embedding of %d numbers", x.Size,
			len(x.Rows), len(embedding))
	}
	scale := 1.0
	if drawn, found := rootMeanSquare(embedding), x.Scale(); drawn > 0 && found > 0 {
		scale = found / drawn
	}
	for t, row := range x.Rows {
		to := embedding[t*x.Size:][:x.Size]
		if len(row) == x.Size {
			copy(to, row)
			continue
		}
		for i := range to {
			to[i] *= float32(scale)
		}
	}
	return nil
}

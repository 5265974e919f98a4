package metrics

import (
	"slices"
	"strings"
)

// Chunk is a span of words of one type, which tags mark: words From, ..., To-1.
type Chunk struct {
	From, To int
	Type     string
}

// Chunks are the spans that the tags of a sentence mark, by the rules of conlleval, the scoring program of the shared
// tasks of CoNLL: a tag is a letter, a hyphen and a type, which may have hyphens too. A chunk begins
//
//	at B and S,
//	at I and E after O, after E and after S, and after another type.
//
// It ends before a tag that begins another, and before O. L and U, as BILOU has them, are E and S. (The program
// itself does not know S, and joins neighbours of one type behind E, so that it is used with BIO alone: with B for S
// and I for E it finds these chunks.) Tags of other letters, and those without a hyphen, such as O, mark nothing; a
// letter alone marks a chunk without a type.
func Chunks(tags []string) (chunks []Chunk) {
	last, kind := byte('O'), "" // of the tag before
	for i, tag := range tags {
		letter, typ := chunkTag(tag)
		if letter != 'O' {
			begins := letter == 'B' || letter == 'S' || last == 'O' || last == 'E' || last == 'S' || typ != kind
			if begins {
				chunks = append(chunks, Chunk{i, i, typ})
			}
			chunks[len(chunks)-1].To = i + 1
		}
		last, kind = letter, typ
	}
	return chunks
}

// chunkTag is a tag's letter, one of O, B, I, E and S, and its type.
func chunkTag(tag string) (letter byte, typ string) {
	letters, typ, _ := strings.Cut(tag, "-")
	switch letters {
	case "B", "I", "E", "S":
		return letters[0], typ
	case "L":
		return 'E', typ
	case "U":
		return 'S', typ
	}
	return 'O', ""
}

// MarkChunks says whether tags mark chunks: each is O or a letter of BIO, BIOES or BILOU with a type, and they are
// not O alone. other is the first tag that is neither, of tags of which most are; "" if there is none.
func MarkChunks(tags []string) (mark bool, other string) {
	marks, others := 0, 0
	for _, tag := range tags {
		letter, typ := chunkTag(tag)
		switch {
		case letter != 'O' && typ != "":
			marks++
		case tag != "O":
			if others++; others == 1 {
				other = tag
			}
		}
	}
	switch {
	case others == 0:
		return marks > 0, ""
	case marks > others:
		return false, other
	}
	return false, ""
}

// ChunkCounts are numbers of chunks.
type ChunkCounts struct {
	Gold, Predicted int
	Correct         int // predicted from the same word to the same word, and of the same type, as in the gold
}

// Add counts the chunks of a sentence. The tags of both must be as many.
func (c *ChunkCounts) Add(gold, predicted []string) {
	g, p := Chunks(gold), Chunks(predicted)
	c.Gold, c.Predicted = c.Gold+len(g), c.Predicted+len(p)
	for _, chunk := range p {
		if slices.Contains(g, chunk) {
			c.Correct++
		}
	}
}

// Precision is the part of the predicted chunks that are correct, and Recall that of those in the gold; 0 if there
// are none.
func (c ChunkCounts) Precision() float64 { return ratio(c.Correct, c.Predicted) }
func (c ChunkCounts) Recall() float64    { return ratio(c.Correct, c.Gold) }

// F1 is 2PR / (P + R), over all chunks together; 0 if none is correct.
func (c ChunkCounts) F1() float64 { return ratio(2*c.Correct, c.Gold+c.Predicted) }

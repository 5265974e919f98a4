package metrics

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// chunkCases are what conlleval (the program of 2004-01-26, in Perl) writes for "token gold predicted" lines: numbers
// of chunks, and precision, recall and F1 in per cent. "|" ends a line, and an empty one a sentence. Where the
// program is known to be wrong, with S and with neighbours behind E, the numbers are those of the same chunks in BIO.
var chunkCases = []struct {
	name, lines          string
	gold, pred, correct  int
	precision, recall, f float64
	accuracy             float64 // of tags
}{
	{"I after O in the prediction", "a O O|b B-PER I-PER|c I-PER I-PER|d O O", 1, 1, 1, 100, 100, 100, 75},
	{"I-X after B-Y", "a B-PER B-ORG|b I-PER I-PER|c O O", 1, 2, 0, 0, 0, 0, 66.67},
	{"B B against B I", "a B-PER B-PER|b B-PER I-PER|c O O|d B-LOC B-LOC|e B-LOC B-LOC", 4, 3, 2, 66.67, 50, 57.14, 80},
	{"the type changes inside", "a B-PER B-PER|b I-PER I-LOC|c I-PER I-PER|d O O", 1, 3, 0, 0, 0, 0, 75},
	{"I after an empty line", "a O O|b B-LOC B-LOC||c I-LOC I-LOC|d O O|e B-PER B-PER", 3, 3, 3, 100, 100, 100, 100},
	{"documents, whose first lines are no words here", "||a B-PER B-PER|b O O||||c B-ORG O", 2, 1, 1, 100, 50, 66.67,
		66.67},
	{"empty lines at the beginning and in rows", "||a B-PER B-PER|||b I-PER I-PER||", 2, 2, 2, 100, 100, 100, 100},
	{"O alone", "a O O|b O O", 0, 0, 0, 0, 0, 0, 100},
	{"BIOES",
		"a B-PER B-PER|b E-PER E-PER|c S-LOC S-LOC|d S-LOC S-LOC|e B-ORG B-ORG|f I-ORG I-ORG|g E-ORG E-ORG|h B-ORG B-ORG|i E-ORG E-ORG|j O O",
		5, 5, 5, 100, 100, 100, 100},
	{"BIOES against BIO", "a B-PER B-PER|b E-PER I-PER|c O O|d S-LOC B-LOC", 2, 2, 2, 100, 100, 100, 50},
	{"hyphens in types", "a B-ORG-part B-ORG-part|b I-ORG-part I-ORG|c O O|d B-A-B B-A-B", 2, 3, 1, 33.33, 50, 40, 75},
	{"neighbours of IOB1", "a I-PER B-PER|b I-PER I-PER|c B-PER B-PER|d O O|e I-LOC B-LOC", 3, 3, 3, 100, 100, 100, 60},
	{"too long and too short", "a B-PER B-PER|b O I-PER|c B-LOC B-LOC|d I-LOC O|e O O", 2, 2, 0, 0, 0, 0, 60},
	{"nothing is predicted", "a B-PER O|b O O", 1, 0, 0, 0, 0, 0, 50},
	{"something is predicted where nothing is", "a O B-PER|b O O", 0, 1, 0, 0, 0, 0, 50},
	{"I-X I-Y in both", "a I-PER I-PER|b I-LOC I-LOC|c O O", 2, 2, 2, 100, 100, 100, 100},
	{"B for I behind another type", "a B-PER B-PER|b B-LOC I-LOC|c I-LOC I-LOC|d O O", 2, 2, 2, 100, 100, 100, 75},
	{"E, then I", "a O E-PER|b B-PER I-PER|c I-PER I-PER|d O O", 1, 2, 1, 50, 100, 66.67, 50},
	{"BILOU", "a B-PER B-PER|b L-PER I-PER|c U-PER B-PER|d U-PER B-PER", 3, 3, 3, 100, 100, 100, 25},
	{"o and a type without a letter mark nothing", "a B-PER B-PER|b o O|c PER PER", 1, 1, 1, 100, 100, 100, 66.67},
	{"letters without a type", "a B B|b E I|c S B", 2, 2, 2, 100, 100, 100, 33.33},
}

func TestChunks(t *testing.T) {
	for _, c := range chunkCases {
		var counts ChunkCounts
		same, words := 0, 0
		var gold, predicted []string
		for _, line := range append(strings.Split(c.lines, "|"), "") {
			f := strings.Fields(line)
			if len(f) == 0 {
				counts.Add(gold, predicted)
				gold, predicted = nil, nil
				continue
			}
			gold, predicted = append(gold, f[1]), append(predicted, f[2])
			words++
			if f[1] == f[2] {
				same++
			}
		}
		if want := (ChunkCounts{c.gold, c.pred, c.correct}); counts != want {
			t.Errorf("%s: %+v, want %+v", c.name, counts, want)
		}
		for _, x := range []struct {
			what      string
			got, want float64
		}{
			{"precision", counts.Precision(), c.precision}, {"recall", counts.Recall(), c.recall}, {"F1", counts.F1(), c.f},
			{"accuracy", float64(same) / float64(words), c.accuracy},
		} {
			if math.Abs(100*x.got-x.want) > 0.005 {
				t.Errorf("%s: %s %.4f, want %.2f", c.name, x.what, 100*x.got, x.want)
			}
		}
	}
}

func TestChunkPlaces(t *testing.T) {
	got := Chunks(strings.Fields("O B-PER I-PER I-LOC O S-LOC E-LOC I-LOC B-LOC"))
	want := []Chunk{{1, 3, "PER"}, {3, 4, "LOC"}, {5, 6, "LOC"}, {6, 7, "LOC"}, {7, 8, "LOC"}, {8, 9, "LOC"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMarkChunks(t *testing.T) {
	for tags, want := range map[string]struct {
		mark  bool
		other string
	}{
		"O B-PER I-PER":         {true, ""},
		"B-PER E-PER S-LOC O":   {true, ""},
		"O":                     {false, ""},
		"NOUN VERB O":           {false, ""},
		"-LRB- B-X NN":          {false, ""},
		"O B-PER I-PER B-LOC o": {false, "o"},
		"O B-PER I-PER PER":     {false, "PER"},
	} {
		if mark, other := MarkChunks(strings.Fields(tags)); mark != want.mark || other != want.other {
			t.Errorf("%s: %v, %q; want %v, %q", tags, mark, other, want.mark, want.other)
		}
	}
}

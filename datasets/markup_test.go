package datasets

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	srcSGM = `<srcset setid="x" srclang="any">
<doc sysid="src" docid="d1">
<hl>
<seg id="1"> Q&amp;A &lt;b&gt; </seg>
</hl>
<p><seg id=2>two
lines</seg><seg id="3"></seg></p>
</doc>
</srcset>
`
	refSGM = "\ufeff<refset setid=\"x\" trglang=\"fr\">\n<DOC sysid=\"ref\">\n<SEG id=\"1\">R&eacute;ponses</SEG>\n" +
		"<seg id=\"2\">deux</seg>\n<seg id=\"3\"> </seg></DOC></refset>\n"

	bothXML = `<?xml version='1.0' encoding='utf-8'?>
<dataset id="wmt">
  <doc origlang="en" id="d1">
    <src lang="en"><p><seg id="1">One &amp; one</seg><seg id="2">Two</seg></p></src>
    <ref lang="de" translator="A"><p><seg id="1">Eins &amp; eins</seg><seg id="2">Zwei</seg></p></ref>
    <ref lang="de" translator="B"><p><seg id="1">Ein und ein</seg><seg id="2">Zwo</seg></p></ref>
    <hyp system="x"><p><seg id="1">?</seg></p></hyp>
  </doc>
  <doc origlang="en" id="d2">
    <src lang="en"><p><seg id="1">Three</seg></p></src>
    <ref lang="de" translator="B"><p><seg id="1">Drei</seg></p></ref>
  </doc>
</dataset>
`
)

func TestReadTestSets(t *testing.T) {
	src, ref, both := write(t, "src.sgm", []byte(srcSGM)), write(t, "ref.sgm.gz", zip(t, refSGM)),
		write(t, "both.xml", []byte(bothXML))
	plain := write(t, "a.txt", []byte("a\nb\n\n"))
	for _, c := range []struct {
		source, target string
		want           []Pair
		notes          string
	}{
		{src, ref, []Pair{{"Q&A <b>", "Réponses"}, {"two lines", "deux"}}, "SRC: 3 segments of a test set\nREF: 3 segments of a test set"},
		{both, both, []Pair{{"One & one", "Eins & eins"}, {"Two", "Zwei"}, {"Three", "Drei"}},
			"BOTH: 3 segments of a test set\nBOTH: 3 segments of a test set\nBOTH: of several references the first is read, 2 segments of others are not"},
		{both, "", []Pair{{"One & one", "Eins & eins"}, {"Two", "Zwei"}, {"Three", "Drei"}}, "BOTH: of several references the first is read, 2 segments of others are not"},
		{plain, ref, []Pair{{"a", "Réponses"}, {"b", "deux"}}, "REF: 3 segments of a test set"},
	} {
		for _, hold := range []int64{0, MaxHeldBytes} {
			var p *Pairs
			var err error
			if c.target == "" {
				p, err = readPairs(c.source, Format{}, hold)
			} else {
				p, err = readParallel(c.source, c.target, false, hold)
			}
			if err != nil {
				t.Error(err)
				continue
			}
			if diff := cmp.Diff(c.want, allPairs(t, p)); diff != "" {
				t.Error(diff)
			}
			if got := strings.NewReplacer(src, "SRC", ref, "REF", both, "BOTH").Replace(strings.Join(p.Notes,
				"\n")); got != c.notes {
				t.Errorf("notes %s\nwant  %s", got, c.notes)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestReadTestSetsRefuses(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"one side", srcSGM, "FILE: its segments are of one side: give it with --src, and the file of the other side with --tgt, or the other way round"},
		{"a memory of translations", "<?xml version='1.0'?>\n<!-- <seg> --><tmx><tu><tuv><seg>a</seg></tuv><tuv><seg>b</seg></tuv></tu></tmx>", "FILE: it is marked up, and begins with <tmx>; of markup only test sets of WMT are read: convert it to texts, a line each"},
		{"no segments", "<dataset/>", "FILE: it is marked up, and holds no <seg>, as test sets of WMT do: convert it to texts, a line each"},
		{"an open segment", "<refset>\n<seg id=1>a", "FILE:2: a <seg> does not end: copy or download it again"},
		{"an open tag", "<refset>\n\n<seg id=1", "FILE:3: a tag does not end: copy or download it again"},
		{"no reference", strings.Replace(bothXML, `<seg id="2">Zwei`, `<seg id="3">Zwei`, 1), `FILE:4: segment "2" has no reference: remove or complete it`},
		{"an empty reference", strings.Replace(bothXML, `Zwei`, ``, 1), `FILE:4: segment "2" is empty, or its reference is: remove or complete it`},
		{"Latin-1", strings.Replace(bothXML, "Zwei", "F\xfcnf", 1), "FILE:5:84: byte 256 (0xfc) is not UTF-8: convert the text to UTF-8, for example with iconv, or choose another file"},
	} {
		path := write(t, "a.xml", []byte(c.data))
		_, err := ReadPairs(path, Format{})
		wantError(t, c.name, path, err, c.want)
	}
	p, err := ReadPairs(write(t, "a.xml", []byte(strings.Replace(bothXML, "Zwei", "", 1))), Format{SkipBad: true})
	if err != nil || p.Len() != 2 || p.Skipped.Count != 1 {
		t.Errorf("%v, %v", p, err)
	}
	hyp := write(t, "a.xml", []byte(strings.ReplaceAll(bothXML, "ref", "hyp")))
	_, err = ReadParallel(hyp, hyp, false)
	wantError(t, "no reference at all", hyp, err,
		"FILE: it has segments of several sides, and none of <ref>: choose another file")
	other := write(t, "b.sgm", []byte("<refset><seg id=1>a</seg></refset>"))
	src := write(t, "a.sgm", []byte(srcSGM))
	_, err = ReadParallel(src, other, false)
	wantError(t, "other numbers", src, err, fmt.Sprintf("FILE, a line for a segment: 3 lines, and %s, a line for a "+
		"segment has 1: line for line, one must be the translation of the other", other))
	page := write(t, "page.html", []byte("<html>\n<body>\n"))
	_, err = ReadParallel(page, src, false)
	wantError(t, "a page", page, err, "FILE: it is marked up, and begins with <html>; of markup only test sets of WMT "+
		"are read: convert it to texts, a line each")
}

func TestMarkup(t *testing.T) {
	for head, want := range map[string]bool{
		"<srcset setid=1>": true, "\ufeff \n<?xml version='1.0'?>": true, "<!-- x": true, "<TMX>": true, "<HTML": true, "<doc>": true, "<TEI.2>": true,
		"<s> a </s>": false, "< html": false, "<3 you": false, "a <html>": false, "": false, "<": false, "<docile>": false,
	} {
		if got := markup([]byte(head)); (got != "") != want {
			t.Errorf("%q: %q", head, got)
		}
	}
}

func FuzzReadMarkup(f *testing.F) {
	f.Add(srcSGM)
	f.Add(refSGM)
	f.Add(bothXML)
	f.Add("<doc><seg>a</seg ><ref><SEG id='1'>&#0;b</seg></ref>")
	f.Fuzz(func(t *testing.T, data string) {
		p, err := readMarkup("a.xml", []byte(data), &lenient{})
		if err != nil {
			oneLine(t, "a.xml", err)
			return
		}
		for i, pair := range allPairs(t, p) {
			if pair.Source == "" || pair.Target == "" || strings.ContainsAny(pair.Source+pair.Target, "\n\t\x00") ||
				p.Line(i) < 1 {
				t.Fatalf("line %d: %q", p.Line(i), pair)
			}
		}
	})
}

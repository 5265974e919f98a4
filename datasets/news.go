package datasets

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// newsRoot is the first element of a corpus of NEWS, in lower case.
const newsRoot = "transliterationcorpus"

// newsName is an entry of a corpus of the NEWS shared tasks on the transliteration of names (Zhang et al., 2012).
type newsName struct {
	Source  string   `xml:"SourceName"`
	Targets []string `xml:"TargetName"`
}

// readNEWS reads the pairs of a corpus:
//
//	<TransliterationCorpus> <Name> <SourceName>…</SourceName> <TargetName>…</TargetName> … </Name> … </TransliterationCorpus>
func readNEWS(name string, data []byte) (*Pairs, error) {
	dec := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	bad := func(what string) error {
		line, _ := dec.InputPos()
		return &Error{File: name, Line: line, What: what}
	}
	var pairs []Pair
	var lines []int32
	for {
		token, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, bad(fmt.Sprintf("not valid XML (%v): copy or download it again", err))
		}
		start, ok := token.(xml.StartElement)
		switch {
		case !ok:
		case start.Name.Local == "Name":
			line, _ := dec.InputPos()
			var n newsName
			if err := dec.DecodeElement(&n, &start); err != nil {
				return nil, bad(fmt.Sprintf("not valid XML (%v): copy or download it again", err))
			}
			n.Source = strings.TrimSpace(n.Source)
			if n.Source == "" || len(n.Targets) == 0 {
				return nil, bad("a name without a source or without a target: remove or complete it")
			}
			for _, target := range n.Targets {
				pairs = append(pairs, Pair{n.Source, strings.TrimSpace(target)})
				lines = append(lines, int32(line))
			}
		}
	}
	p := numbered(name, pairs, lines)
	p.SHA256 = sha256Hex(data)
	for i := range p.at {
		if p.at[i].length[1] == 0 {
			return nil, &Error{File: name, Line: p.Line(i), What: "a target is empty: remove or complete it"}
		}
	}
	return p, p.check("no names, so there is nothing to learn: copy or download it again")
}

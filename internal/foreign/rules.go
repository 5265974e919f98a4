package foreign

import (
	"regexp"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph"
)

// rule says what a name becomes.
type rule struct {
	theirs *regexp.Regexp
	ours   func(groups []string) string // of the whole match and the groups
}

// rename is what the first rule that fits makes of a name; false if none does.
func rename(rules []rule, name string) (string, bool) {
	for _, r := range rules {
		if groups := r.theirs.FindStringSubmatch(name); groups != nil {
			return r.ours(groups), true
		}
	}
	return "", false
}

var placeholder = regexp.MustCompile(`\{([a-z]+)\}`)

// parseRules reads rules THEIRS=OURS with placeholders: {n} is a number, others any text.
func parseRules(texts []string) ([]rule, error) {
	var rules []rule
	for _, text := range texts {
		theirs, ours, ok := strings.Cut(text, "=")
		if !ok || theirs == "" {
			return nil, errors.Errorf("the map %q is not THEIRS=OURS, such as lstm.weight_ih_l{n}=rnn.weight_ih_l{n}", text)
		}
		var pattern strings.Builder
		var names []string
		at := 0
		for _, m := range placeholder.FindAllStringSubmatchIndex(theirs, -1) {
			name := theirs[m[2]:m[3]]
			if slices.Contains(names, name) {
				return nil, errors.Errorf("the map %q has {%s} twice before the =", text, name)
			}
			names = append(names, name)
			pattern.WriteString(regexp.QuoteMeta(theirs[at:m[0]]))
			pattern.WriteString(map[bool]string{true: "([0-9]+)", false: "(.*)"}[name == "n"])
			at = m[1]
		}
		pattern.WriteString(regexp.QuoteMeta(theirs[at:]))
		for _, m := range placeholder.FindAllStringSubmatch(ours, -1) {
			if !slices.Contains(names, m[1]) {
				return nil, errors.Errorf("the map %q has {%s} behind the = alone", text, m[1])
			}
		}
		rules = append(rules, rule{regexp.MustCompile("^" + pattern.String() + "$"), func(groups []string) string {
			return placeholder.ReplaceAllStringFunc(ours, func(p string) string {
				return groups[1+slices.Index(names, p[1:len(p)-1])]
			})
		}})
	}
	return rules, nil
}

// torchNames are what programs of PyTorch call their modules.
func torchNames([]graph.Tensor, Model) []rule {
	const wrapped = `^(?:module\.|model\.|_orig_mod\.)*` // what wraps a model adds
	var rules []rule
	for _, x := range [][2]string{
		{`(?:embedding|embeddings|embed|emb|encoder|word_embeddings|token_embedding)\.(weight)$`, "embedding."},
		{`(?:rnn|lstm|gru)\.((?:weight|bias)_.*)$`, "rnn."},
		{`(?:output|out|fc|linear|decoder|head|classifier|dense)\.(weight|bias)$`, "output."},
	} {
		rules = append(rules, rule{regexp.MustCompile(wrapped + x[0]), func(groups []string) string {
			return x[1] + groups[1]
		}})
	}
	return rules
}

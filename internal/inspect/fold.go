package inspect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/internal/words"
)

// Section is a stretch of items that is shown as one: a loop, or what lies between two.
type Section struct {
	Title string
	Items []Item
	Cost  Cost
	From  []int // the sections that it reads from
}

// Fold makes sections of items: each loop is one, and so is what lies between two loops, and what updates the weights.
func Fold(items []Item) []Section {
	var all []Section
	in := make([]int, len(items)) // the section of each
	update := firstUpdate(items)
	for i, x := range items {
		before := len(all) - 1
		if begins := before < 0 || x.Loop || i == update || items[i-1].Loop; begins {
			all = append(all, Section{})
			before++
		}
		s := &all[before]
		s.Items = append(s.Items, x)
		s.Cost.add(x.Cost)
		for _, need := range x.Needs {
			if from := in[need]; from != before && !slices.Contains(s.From, from) {
				s.From = append(s.From, from)
			}
		}
		in[i] = before
	}
	for i := range all {
		slices.Sort(all[i].From)
		all[i].Title = all[i].title(i, update >= 0 && i == in[max(update, 0)])
	}
	return all
}

// firstUpdate is the first of the items after which nothing but states is of any use; -1: there is none.
func firstUpdate(items []Item) int {
	last := -1
	for i, x := range items {
		if x.Loop {
			last = i
		}
	}
	for i := last + 1; i < len(items); i++ {
		if items[i].Update {
			return i
		}
	}
	return -1
}

func (s *Section) title(i int, update bool) string {
	var layers []string
	for _, x := range s.Items {
		for _, l := range x.Layers {
			layers = appendNew(layers, l)
		}
	}
	title := fmt.Sprintf("%d  ", i+1)
	switch {
	case update:
		return title + "update of the weights"
	case s.Items[0].Loop:
		title += s.Items[0].Text
	case len(layers) == 0:
		title += s.kinds(2)
	}
	if len(layers) > 0 {
		title = strings.TrimRight(title, " ") + "  " + join(layers)
	}
	return title
}

// flat are the items, of loops those within.
func flat(items []Item) (all []Item) {
	for _, x := range items {
		if x.Body != nil {
			all = append(all, flat(x.Body)...)
		} else {
			all = append(all, x)
		}
	}
	return all
}

// kinds says how many of which kinds there are, the most frequent first.
func (s *Section) kinds(most int) string {
	counts := map[string]int{}
	for _, x := range flat(s.Items) {
		counts[x.Kind]++
	}
	var names []string
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	var parts []string
	for i, name := range names {
		if i == most {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, fmt.Sprintf("%d %s", counts[name], name))
	}
	return strings.Join(parts, ", ")
}

// words are the cost in words.
func (c Cost) words() string {
	flop := ""
	if c.FLOP > 0 {
		number := words.Short(round3(c.FLOP))
		digits := strings.TrimRight(number, "kMG")
		flop = digits + " " + number[len(digits):] + "FLOP, "
	}
	return flop + words.Bytes(c.Bytes)
}

package series

import "strings"

// timed reads (time,value) pairs with commas between.
func (r *ts) timed(part string) ([]float64, error) {
	var values []float64
	for part != "" {
		pair, rest, _ := strings.Cut(part[1:], ")")
		at := strings.LastIndexByte(pair, ',')
		if at < 0 {
			return nil, r.wrong(r.lines.Line(), "(%s) has no value: a value with its time is (time,value)", pair)
		}
		x, what := number(strings.TrimSpace(pair[at+1:]))
		if what != "" {
			return nil, r.wrong(r.lines.Line(), "value %d: %s", len(values)+1, what)
		}
		if err := r.hold(1, r.lines.Line()); err != nil {
			return nil, err
		}
		values = append(values, x)
		if part = strings.TrimSpace(rest); part == "" {
			break
		}
		if part = strings.TrimSpace(strings.TrimPrefix(part, ",")); !strings.HasPrefix(part, "(") {
			return nil, r.wrong(r.lines.Line(), "%s stands after a value with its time: a channel is (time,value),(time,value)", shown(part))
		}
	}
	return values, nil
}

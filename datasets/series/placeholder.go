package series

import (
	"math"
	"regexp"
	"strconv"

	"github.com/unroll-ml/unroll/internal/words"
)

// nines is how a number is written that often says that a value is missing.
var nines = regexp.MustCompile(`^-?99+(\.9+)?$`)

// notePlaceholder says that the least or the greatest value seems to say that a value is missing: it is of nines alone,
// stands in several places, and all others are less than half of it.
func (f *file) notePlaceholder(each func(visit func(values []float64))) {
	for _, sign := range []float64{-1, 1} {
		first, second, count := math.Inf(-1), math.Inf(-1), 0 // the greatest, and the next
		each(func(values []float64) {
			for _, x := range values {
				switch x *= sign; {
				case x > first:
					first, second, count = x, first, 1
				case x == first:
					count++
				case x > second:
					second = x
				}
			}
		})
		const least, several = 99, 2
		written := strconv.FormatFloat(sign*first, 'f', -1, 64)
		if count >= several && first >= least && second < first/2 && nines.MatchString(written) {
			f.note("%s stands in %s, and all other values are far from it: if it says that a value is missing, leave those "+
				"cells empty", written, words.Count(count, "place", "places"))
		}
	}
}

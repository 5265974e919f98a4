package series

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/unroll-ml/unroll/internal/words"
)

// number reads a cell: NaN where a value is missing, which empty cells, NaN, NA, N/A, null and ? say, None of Python,
// #N/A of Excel and <NA> of pandas. what says why it is no number; "" if it is.
func number(cell string) (x float64, what string) {
	switch strings.ToLower(cell) {
	case "", "nan", "na", "n/a", "null", "none", "#n/a", "<na>", "?":
		return math.NaN(), ""
	}
	x, err := strconv.ParseFloat(cell, 64)
	switch {
	case math.IsInf(x, 0):
		return 0, fmt.Sprintf("%s is not a finite number: correct it, or leave the cell empty if the value is missing",
			shown(cell))
	case math.Abs(x) > math.MaxFloat32:
		return 0, fmt.Sprintf("%s is larger than what is computed with, %.1e: use a larger unit", shown(cell), math.MaxFloat32)
	case err == nil && !strings.ContainsAny(cell, "xX_"):
		return x, ""
	case decimalComma.MatchString(cell) && !showsComma(cell) && strings.TrimLeft(cell, "+-")[0] != '0':
		return 0, fmt.Sprintf("%s does not show what its comma is: write %s if it is a decimal one, or %s if it is between "+
			"thousands", shown(cell), strings.Replace(cell, ",", ".", 1), strings.ReplaceAll(cell, ",", ""))
	case decimalComma.MatchString(cell):
		return 0, fmt.Sprintf("%s has a decimal comma: write %s", shown(cell), pointed([]byte(cell)))
	case grouped.MatchString(cell):
		return 0, fmt.Sprintf("%s has commas between its digits: write %s", shown(cell), strings.ReplaceAll(cell, ",", ""))
	}
	if parts := strings.Fields(cell); len(parts) > 1 && isNumber(parts[0]) && isNumber(parts[1]) {
		return 0, fmt.Sprintf("%s has several numbers: write commas, semicolons or tabs between cells", shown(cell))
	}
	return 0, fmt.Sprintf("%s is not a number: correct it; a missing value is an empty cell, NaN, NA, null or ?",
		shown(cell))
}

var grouped = regexp.MustCompile(`^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$`)

// shown is a cell as messages show it.
func shown(cell string) string {
	const most = 40
	return strconv.Quote(words.Clip(cell, most))
}

// isNumber says whether a cell is a number or says that one is missing.
func isNumber(cell string) bool {
	_, what := number(cell)
	return what == ""
}

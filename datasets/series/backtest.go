package series

import (
	"cmp"

	"github.com/unroll-ml/unroll/internal/setting"
)

// Origin is a moment at which a forecast is made: it knows the steps before At, and is compared with the steps At
// ... At+Steps-1.
type Origin struct{ At, Steps int }

// Origins are those of a backtest with rolling origin (Tashman, 2000) of a series with n steps: at most count of
// them, the last with the last horizon steps left to compare with, the others each stride steps earlier; the
// earliest first. Each knows at least history steps, so that there may be fewer, and none if the series is shorter
// than history and horizon together.
func Origins(n, horizon, count, stride, history int) ([]Origin, error) {
	if err := cmp.Or(
		setting.AtLeast("Length", n, 0), setting.AtLeast("Horizon", horizon, 1), setting.AtLeast("Origins", count, 1),
		setting.AtLeast("Stride", stride, 1), setting.AtLeast("History", history, 1),
	); err != nil {
		return nil, err
	}
	spare := n - horizon - history // steps by which the first origin may be earlier than the last
	if spare < 0 {
		return nil, nil
	}
	count = min(count, spare/stride+1)
	origins := make([]Origin, count)
	for i := range origins {
		origins[i] = Origin{At: n - horizon - (count-1-i)*stride, Steps: horizon}
	}
	return origins, nil
}

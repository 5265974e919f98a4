package report

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/unroll-ml/unroll/trainer/run"
)

// Forecasts is a table of the measures of a forecaster beside those of the simplest forecasts.
func Forecasts(m *run.ForecastMeasures) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tsMAPE\tMASE\tOWA\tMAE\tRMSE\t")
	row := func(name string, s run.ForecastScore) {
		fmt.Fprintf(w, "%s\t%.3f\t%.3f\t%.3f\t%.5g\t%.5g\t\n",
			name, float64(s.SMAPE), float64(s.MASE), float64(s.OWA), float64(s.MAE), float64(s.RMSE))
	}
	row("model", m.ForecastScore)
	for _, name := range run.Baselines {
		row(strings.ReplaceAll(name, "_", " "), m.Baselines[name])
	}
	w.Flush()
	if m.QuantileLoss != nil {
		fmt.Fprintf(&b, "weighted quantile loss %.4f\n", float64(*m.QuantileLoss))
	}
	for _, c := range m.Coverage {
		fmt.Fprintf(&b, "%.0f%% intervals hold %.1f%% of the values\n", 100*float64(c.Level), 100*float64(c.Coverage))
	}
	if best := m.Best(); best != "" {
		fmt.Fprintf(&b, "the %s forecast is better than the model\n", strings.ReplaceAll(best, "_", " "))
	}
	return b.String()
}

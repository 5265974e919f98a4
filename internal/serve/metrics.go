package serve

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// serverMetrics are what the server measures of itself, for Prometheus.
type serverMetrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec   // by route and status
	seconds  *prometheus.HistogramVec // by route

	inputs  *prometheus.CounterVec
	batch   *prometheus.HistogramVec
	busy    *prometheus.HistogramVec
	step    *prometheus.GaugeVec
	reloads *prometheus.CounterVec
}

// modelMetrics are those of a model.
type modelMetrics struct {
	inputs  prometheus.Counter
	batch   prometheus.Observer
	busy    prometheus.Observer
	step    prometheus.Gauge
	reloads *prometheus.CounterVec // by result
}

func newMetrics() *serverMetrics {
	m := &serverMetrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "unroll_requests_total", Help: "Requests that were answered."}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "unroll_request_seconds", Help: "Time from the header of a request to the end of its answer.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 16)}, []string{"route"}),
		inputs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "unroll_inputs_total", Help: "Inputs that were predicted."}, []string{"model"}),
		batch: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "unroll_batch_inputs", Help: "Inputs that were predicted together.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 9)}, []string{"model"}),
		busy: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "unroll_batch_seconds", Help: "Time that the model took for a batch.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16)}, []string{"model"}),
		step: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "unroll_checkpoint_step", Help: "Training step of the checkpoint in use."}, []string{"model"}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "unroll_reloads_total", Help: "Newer checkpoints that were found: loaded, or failed."},
			[]string{"model", "result"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.inputs, m.batch, m.busy, m.step, m.reloads,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// model are the metrics of a model of that name, of which the length of the queue is asked for.
func (m *serverMetrics) model(name string, waiting func() int) *modelMetrics {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "unroll_queue_inputs", Help: "Inputs that wait for the model.", ConstLabels: prometheus.Labels{"model": name},
	}, func() float64 { return float64(waiting()) }))
	return &modelMetrics{
		inputs: m.inputs.WithLabelValues(name), batch: m.batch.WithLabelValues(name), busy: m.busy.WithLabelValues(name),
		step: m.step.WithLabelValues(name), reloads: m.reloads.MustCurryWith(prometheus.Labels{"model": name}),
	}
}

func (m *serverMetrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// measured counts the requests of a route, and notes how long they take.
func (m *serverMetrics) measured(route string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		noted := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			m.requests.WithLabelValues(route, strconv.Itoa(noted.status)).Inc()
			m.seconds.WithLabelValues(route).Observe(time.Since(began).Seconds())
		}()
		h.ServeHTTP(noted, r)
	})
}

// statusWriter notes the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

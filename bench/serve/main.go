// Command serve measures unroll serve under load: requests a second, the median and the 99th percentile of the
// time to an answer, for some numbers of clients that each send a request when the one before is answered; with
// batches, and with one input at a time. Then it sends four times as many requests as the server can answer,
// and says what became of them.
//
//	go run ./bench/serve --run DIR --inputs FILE [--clients 1,8,64] [--seconds 5] [--unroll FILE]
//
// A request has one line of the file. Client and server are on one machine and share its processors; what the
// server takes of them for a request is measured, too, for where others use the machine the times say little.
// It ends with exit code 1 if a request was neither answered nor told to come back later.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pkg/errors"
)

// load is what is measured.
type load struct {
	command, run, options string
	inputs                []string
	clients               []int
	seconds               float64
	serverFlags           []string // of both servers
}

func main() {
	var l load
	inputs := flag.String("inputs", "", "a file with an input a line")
	clients := flag.String("clients", "1,8,64", "numbers of clients")
	extra := flag.String("flags", "", "more flags of unroll serve, with spaces between")
	flag.StringVar(&l.command, "unroll", "", "the command; without it, it is built")
	flag.StringVar(&l.run, "run", "", "the folder of the run")
	flag.StringVar(&l.options, "options", "", `options of each request, such as "beam":5`)
	flag.Float64Var(&l.seconds, "seconds", 5, "time of a measurement")
	flag.Parse()
	l.serverFlags = strings.Fields(*extra)
	ok, err := l.main(*inputs, *clients)
	if err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

func (l *load) main(inputs, clients string) (ok bool, err error) {
	text, err := os.ReadFile(inputs)
	if err != nil {
		return false, err
	}
	l.inputs = strings.Split(strings.TrimSpace(string(text)), "\n")
	for _, n := range strings.Split(clients, ",") {
		clients, err := strconv.Atoi(n)
		if err != nil || clients < 1 {
			return false, errors.Errorf("--clients %s: it must be numbers with commas between", n)
		}
		l.clients = append(l.clients, clients)
	}
	dir, err := os.MkdirTemp("", "serve")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	if l.command == "" {
		l.command = filepath.Join(dir, "unroll")
		if out, err := exec.Command("go", "build", "-o", l.command, "./cmd/unroll").CombinedOutput(); err != nil {
			return false, errors.Errorf("building: %v %s", err, out)
		}
	}
	batches, err := l.start()
	if err != nil {
		return false, err
	}
	defer batches.stop()
	single, err := l.start("--batch", "1", "--wait", "0s")
	if err != nil {
		return false, err
	}
	defer single.stop()
	return l.measure(batches, single)
}

// measure measures the two servers in turns, and then what becomes of too many requests.
func (l *load) measure(batches, single *server) (ok bool, err error) {
	fmt.Printf("%s, one of %d inputs a request, %g s each\n\n", l.run, len(l.inputs), l.seconds)
	fmt.Println("| clients | one at a time | median | 99% | CPU | batches | median | 99% | CPU | times as many | by CPU |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|---|")
	best := 0.0
	for _, s := range []*server{batches, single} { // programs for all shapes of batches are compiled
		l.closed(s, slices.Max(l.clients), 1)
	}
	for _, n := range l.clients {
		var rows [2]result
		for turn := range 4 { // one, batches, batches, one: a machine that others use changes meanwhile
			at := []int{0, 1, 1, 0}[turn]
			rows[at].add(l.closed([]*server{single, batches}[at], n, l.seconds/2))
		}
		fmt.Printf("| %d | %s | %s | %.1f | %.1f |\n", n, rows[0].cells(), rows[1].cells(),
			rows[1].rate()/rows[0].rate(), rows[0].work()/rows[1].work())
		best = max(best, rows[1].rate())
		if rows[0].wrong+rows[1].wrong > 0 {
			return false, errors.Errorf("%d requests failed", rows[0].wrong+rows[1].wrong)
		}
	}
	r := l.open(batches, 4*best)
	sent := float64(len(r.times)+r.refused+r.wrong) / r.seconds
	fmt.Printf("\n%.0f requests a second (%.1f times as many as were answered before): %d answered, %d told to "+
		"come back later (503), %d neither; of those answered the median took %s, 99%% less than %s\n", sent,
		sent/best, len(r.times), r.refused, r.wrong, r.at(0.5), r.at(0.99))
	return r.wrong == 0, nil
}

// server is a process of unroll serve.
type server struct {
	cmd *exec.Cmd
	url string
}

func (l *load) start(flags ...string) (*server, error) {
	args := slices.Concat([]string{"serve", l.run, "--addr", "127.0.0.1:0"}, l.serverFlags, flags)
	s := &server{cmd: exec.Command(l.command, args...)}
	var said bytes.Buffer
	s.cmd.Stderr = &said
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	line := make([]byte, 200)
	n, err := out.Read(line)
	if err != nil {
		s.cmd.Wait()
		return nil, errors.Errorf("the server did not start: %s", said.String())
	}
	s.url = strings.TrimSpace(strings.TrimPrefix(string(line[:n]), "listening on "))
	return s, nil
}

// cpu is how many seconds of processors the server has taken.
func (s *server) cpu(c *http.Client) float64 {
	a, err := c.Get(s.url + "/metrics")
	if err != nil {
		return math.NaN()
	}
	defer a.Body.Close()
	text, _ := io.ReadAll(a.Body) // what is missing is not found
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "process_cpu_seconds_total "); ok {
			if seconds, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil {
				return seconds
			}
		}
	}
	return math.NaN()
}

func (s *server) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.cmd.Wait()
}

// result is what became of requests.
type result struct {
	times   []time.Duration // to the answers
	refused int
	wrong   int
	seconds float64
	cpu     float64 // seconds of processors that the server took
}

func (r *result) add(other result) {
	r.times = append(r.times, other.times...)
	r.refused, r.wrong = r.refused+other.refused, r.wrong+other.wrong
	r.seconds, r.cpu = r.seconds+other.seconds, r.cpu+other.cpu
}

// work is how many milliseconds of a processor an answer took.
func (r *result) work() float64 { return 1000 * r.cpu / float64(len(r.times)) }

func (r *result) rate() float64 { return float64(len(r.times)) / r.seconds }

// at is the time that a part of the answers took at most.
func (r *result) at(part float64) time.Duration {
	if len(r.times) == 0 {
		return 0
	}
	slices.Sort(r.times)
	return r.times[int(part*float64(len(r.times)-1))].Round(100 * time.Microsecond)
}

func (r *result) cells() string {
	return fmt.Sprintf("%.0f/s | %v | %v | %.2f ms", r.rate(), r.at(0.5), r.at(0.99), r.work())
}

// client keeps its connections.
func client() *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 2000}}
}

// body is that of the n-th request.
func (l *load) body(n int) string {
	input, _ := json.Marshal(l.inputs[n%len(l.inputs)]) // a string
	options := ""
	if l.options != "" {
		options = "," + l.options
	}
	return fmt.Sprintf(`{"inputs":[%s]%s}`, input, options)
}

// ask sends a request, and notes what became of it.
func (l *load) ask(c *http.Client, s *server, n int) (status int, took time.Duration) {
	began := time.Now()
	a, err := c.Post(s.url+"/v1/predict", "application/json", strings.NewReader(l.body(n)))
	if err != nil {
		return 0, 0
	}
	defer a.Body.Close()
	if _, err := io.Copy(io.Discard, a.Body); err != nil {
		return 0, 0
	}
	return a.StatusCode, time.Since(began)
}

// note adds what became of a request.
func (r *result) note(status int, took time.Duration) {
	switch status {
	case http.StatusOK:
		r.times = append(r.times, took)
	case http.StatusServiceUnavailable:
		r.refused++
	default:
		r.wrong++
	}
}

// closed measures clients that each send a request when the one before is answered.
func (l *load) closed(s *server, clients int, seconds float64) result {
	c := client()
	defer c.CloseIdleConnections()
	var all sync.WaitGroup
	var sent atomic.Int64
	results := make([]result, clients)
	before := s.cpu(c)
	began := time.Now()
	end := began.Add(time.Duration(seconds * float64(time.Second)))
	for i := range results {
		all.Go(func() {
			for time.Now().Before(end) {
				results[i].note(l.ask(c, s, int(sent.Add(1))))
			}
		})
	}
	all.Wait()
	sum := result{seconds: time.Since(began).Seconds(), cpu: s.cpu(c) - before}
	for _, r := range results {
		sum.add(result{times: r.times, refused: r.refused, wrong: r.wrong})
	}
	return sum
}

// mostOpen is how many requests are on their way at once, at most: a machine that is too slow to send more does not.
const mostOpen = 1000

// open sends requests at a rate, whatever becomes of those before.
func (l *load) open(s *server, rate float64) (r result) {
	c := client()
	defer c.CloseIdleConnections()
	var all sync.WaitGroup
	var mu sync.Mutex
	places := make(chan struct{}, mostOpen)
	began := time.Now()
	for n := 0; time.Since(began).Seconds() < l.seconds; {
		for ; float64(n) < rate*time.Since(began).Seconds() && time.Since(began).Seconds() < l.seconds; n++ {
			places <- struct{}{}
			all.Go(func() {
				defer func() { <-places }()
				status, took := l.ask(c, s, n)
				mu.Lock()
				defer mu.Unlock()
				r.note(status, took)
			})
		}
		time.Sleep(time.Millisecond)
	}
	all.Wait()
	r.seconds = time.Since(began).Seconds()
	return r
}

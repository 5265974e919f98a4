package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/bench/workloads"
)

// request is what a contender is asked, one JSON object a line; torch.py says what each does.
type request struct {
	Do       string  `json:"do"` // build, step, run, clear
	Workload string  `json:"workload,omitempty"`
	Form     string  `json:"form,omitempty"`
	Threads  int     `json:"threads,omitempty"`
	File     string  `json:"file,omitempty"`
	Seconds  float64 `json:"seconds,omitempty"`
}

// reply is the answer.
type reply struct {
	Error      string    `json:"error,omitempty"`
	Version    string    `json:"version,omitempty"` // before the first request
	Parameters int       `json:"parameters,omitempty"`
	Loss       float64   `json:"loss,omitempty"`
	Norm       float64   `json:"norm,omitempty"`
	MS         []float64 `json:"ms,omitempty"` // of each step
}

// process is a contender in a process of its own, which it has to itself: nothing that one leaves behind slows
// down another.
type process struct {
	version string
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// start starts a contender. What it writes to standard error goes to log.
func start(command *exec.Cmd, log io.Writer) (*process, error) {
	command.Stderr = log
	in, err := command.StdinPipe()
	if err != nil {
		return nil, errors.WithStack(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, errors.WithStack(err)
	}
	if err := command.Start(); err != nil {
		return nil, errors.WithStack(err)
	}
	p := &process{command: command, in: in, out: bufio.NewReader(out)}
	hello, err := p.receive()
	if err != nil {
		p.close()
		return nil, errors.Wrapf(err, "starting %s", command.Path)
	}
	p.version = hello.Version
	return p, nil
}

func (p *process) ask(r request) (reply, error) {
	line, err := json.Marshal(r)
	if err == nil {
		_, err = p.in.Write(append(line, '\n'))
	}
	if err != nil {
		return reply{}, errors.Wrapf(err, "%s %s", p.version, r.Do)
	}
	answer, err := p.receive()
	return answer, errors.Wrapf(err, "%s %s", p.version, r.Do)
}

func (p *process) receive() (reply, error) {
	var r reply
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return r, errors.Wrap(err, "no answer")
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, errors.Wrapf(err, "answer %q", line)
	}
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	return r, nil
}

// close ends the process by ending its input.
func (p *process) close() {
	p.in.Close()
	p.command.Wait() // it has been asked for nothing more, so that how it ends matters no more
}

// serve is the contender in Go: it answers requests until there are no more.
func serve(in io.Reader, out io.Writer, sizeOf func(workload) workloads.Size) error {
	answers := json.NewEncoder(out)
	if err := answers.Encode(reply{Version: "unroll"}); err != nil {
		return err
	}
	s := server{sizeOf, map[string]contender{}}
	for requests := json.NewDecoder(in); ; {
		var r request
		if err := requests.Decode(&r); err == io.EOF {
			return nil
		} else if err != nil {
			return errors.WithStack(err)
		}
		answer, err := s.answer(r)
		if err != nil {
			answer.Error = err.Error()
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
}

type server struct {
	sizeOf func(workload) workloads.Size
	jobs   map[string]contender // by form
}

func (s *server) answer(r request) (answer reply, err error) {
	switch job := s.jobs[r.Form]; {
	case r.Do == "build":
		w, err := find(r.Workload)
		if err != nil {
			return answer, err
		}
		job, err := build(w, s.sizeOf(w), r.Form, deviceOf(r.Threads))
		if err == nil {
			s.jobs[r.Form] = job
		}
		return answer, err
	case r.Do == "clear":
		for _, job := range s.jobs {
			if err := job.Close(); err != nil {
				return answer, err
			}
		}
		clear(s.jobs)
		return answer, nil
	case job == nil:
		return answer, errors.Errorf("%s of %q, which has not been built", r.Do, r.Form)
	case r.Do == "step":
		answer.Loss, answer.Norm, err = job.Measure()
		return answer, err
	default:
		answer.MS, err = timed(job, time.Duration(r.Seconds*float64(time.Second)))
		return answer, err
	}
}

// timed runs at least one step, and no more than about d of them, and gives their times in ms.
func timed(c contender, d time.Duration) ([]float64, error) {
	var ms []float64
	var last time.Duration
	for end := time.Now().Add(d); len(ms) == 0 || time.Now().Add(last).Before(end); {
		t := time.Now()
		if err := c.Step(); err != nil {
			return nil, err
		}
		last = time.Since(t)
		ms = append(ms, last.Seconds()*1e3)
	}
	return ms, nil
}

package main

// scene is a command, and what is shown of what the terminal shows then.
type scene struct {
	terminal string // in which it is typed; "": the first
	command  string
	cuts     []cut

	interrupt string // a pattern: when it has appeared, Ctrl-C is pressed; "": it is not
	until     string // a pattern: the scene ends when it has appeared; "": when the command has ended
}

// cut leaves out the lines after the first that matches one pattern, and before the first that then matches another: to the
// end, if that is "". A line "..." stands for them.
type cut struct{ after, before string }

// The demo, and what a person does with what it has trained.
var scenes = []scene{
	{command: "go build -trimpath -o unroll ./cmd/unroll"},
	{command: "./unroll doctor"},
	{
		command: "./unroll train", interrupt: `(?s)validation after step.*step +1[6-9]\d/`,
		cuts: []cut{{"^run folder", "^validation after step 157:"}}, // how many lines there are depends on the time
	},
	{
		command: "./unroll train --out runs/seq2seq-1",
		cuts:    []cut{{`^\$`, "^continuing"}, {"^continuing", "^validation after step 1,256:"}},
	},
	{command: "./unroll eval runs/seq2seq-1", cuts: []cut{{"^character errors", ""}}},
	{command: "echo 'May 5, 2021' | ./unroll translate runs/seq2seq-1 --attention look.html"},
	{terminal: "second", command: "./unroll serve runs/seq2seq-1", until: `listening on \S+\r\n`},
	{command: `curl -s localhost:8080/v1/predict -d '{"inputs": ["May 5, 2021", "15.5.39"]}'`},
	{command: "./unroll export runs/seq2seq-1 --onnx dates.onnx"},
	{
		command: "./unroll bench kernels --quick",
		cuts:    []cut{{"LSTM", "^map"}, {"tanh", ""}},
	},
}
